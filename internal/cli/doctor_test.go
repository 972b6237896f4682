package cli_test

import (
	"strings"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/require"
	"github.com/logis-project/logis/internal/server/servertest"
)

func TestDoctor(t *testing.T) {
	t.Setenv("TZ", "UTC")
	m := servertest.New()
	socket, _ := servertest.Serve(t, m)
	healthy := engine.Diagnosis{
		Sites: 1,
		Requirements: []require.Check{
			{Group: require.Network, What: "nft", Status: require.OK, Found: "/usr/sbin/nft"},
			{Group: require.Disk, What: "debootstrap", Status: require.Warning, Found: "no such program: images can be imported, not built", Mend: "apt-get install debootstrap"},
		},
	}
	m.Ill(healthy)
	r := run(t, socket, "", "doctor")
	golden(t, "doctor", r.out)
	if r.status != 0 || r.err != "" {
		t.Errorf("a warning: status %d, stderr %q", r.status, r.err)
	}
	golden(t, "doctor.json", run(t, socket, "", "doctor", "--format", "json").out)

	calm := healthy
	calm.Requirements = healthy.Requirements[:1]
	m.Ill(calm)
	golden(t, "doctor-calm", run(t, socket, "", "doctor").out)

	ill := healthy
	ill.Boot = engine.BootReport{Began: servertest.Birth(), Ended: servertest.Birth().Add(5 * time.Second), Sites: []engine.BootSite{
		{Name: "alice", Outcome: engine.Up, Took: 1200 * time.Millisecond},
		{Name: "dave", Outcome: engine.Adopted},
		{Name: "erin", Outcome: engine.Up, Took: 4800 * time.Millisecond},
		{Name: "bob", Outcome: engine.NotUp, Error: "its image lemp@0123456789ab is gone\x1b[2J", Took: time.Millisecond},
	}}
	ill.Sites, ill.Busy = 3, []string{"carol"}
	ill.Requirements = append(ill.Requirements, require.Check{
		Group: require.Network, What: "logis-proxy", Status: require.Missing, Found: "not connected: no website answers", Mend: "systemctl start logis-proxy",
	})
	ill.Findings = []engine.Finding{
		{What: "link logis-7 belongs to no site", Remedy: "remove it", Safe: true},
		{Site: "alice", What: "it lacks redirect 22001 to 10.83.0.2:22", Remedy: "connect it again", Safe: true},
		{Site: "bob", What: "it should run and has failed: \x1b[2Jnginx", Remedy: "logis start bob, then logis logs bob"},
	}
	m.Ill(ill)
	for _, tc := range []struct{ golden, args string }{
		{"doctor-ill", "doctor"}, {"doctor-ill.json", "doctor --format json"}, {"doctor-fix", "doctor --fix"}, {"doctor-fixed", "doctor"},
	} {
		r := run(t, socket, "", strings.Fields(tc.args)...)
		golden(t, tc.golden, r.out)
		if r.status != 1 || r.err != "" {
			t.Errorf("%s: status %d, stderr %q", tc.args, r.status, r.err)
		}
	}
	healthy.Findings = ill.Findings[:1]
	m.Ill(healthy)
	if r := run(t, socket, "", "doctor"); r.status != 1 {
		t.Errorf("unmended: %+v", r)
	}
	if r := run(t, socket, "", "doctor", "--fix"); r.status != 0 {
		t.Errorf("all is mended: %+v", r)
	}
	if r := run(t, socket, "", "doctor", "alice"); r.status != 2 {
		t.Errorf("an operand: %+v", r)
	}
	if r := run(t, t.TempDir()+"/none", "", "doctor"); r.status != 1 || !strings.Contains(r.err, "there is no such socket: start ") {
		t.Errorf("no daemon: %+v", r)
	}
}
