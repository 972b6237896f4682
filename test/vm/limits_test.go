//go:build vm

package vm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limits are set while a site runs, and read back from cgroup v2. systemd, told to read its units again, takes none away. Those of the
// disk are diskLimits.
func limits(t *testing.T, h *house) {
	set := "logis set alice --memory 640MiB --swap 128MiB --cpus 1.5 --pids 400 --cpu-weight 200 --open-files 2048"
	say(t, "%s: %s", set, h.m.run(t, set))
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range sites["alice"].Warnings {
		say(t, "alice: %s", w)
	}
	group := h.property(t, "logis-alice.scope", "ControlGroup")
	read := func() string {
		return h.m.run(t, fmt.Sprintf("cd /sys/fs/cgroup%s && cat memory.max memory.swap.max cpu.max pids.max cpu.weight && "+
			"prlimit --pid %d --nofile --noheadings --raw --output SOFT,HARD", group, sites["alice"].PID))
	}
	want := strings.Join([]string{
		"671088640", "134217728", "150000 100000", "400", "200", "2048 2048",
	}, "\n")
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("the scope of alice (-want +got):\n%s", diff)
	}
	h.m.run(t, "systemctl daemon-reload")
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("after systemctl daemon-reload (-want +got):\n%s", diff)
	}
	say(t, "alice: %s", strings.ReplaceAll(want, "\n", ", "))
}

// proof is `logis doctor --prove` on the stock kernel: every attempt comes out as it should. An emulated machine can be too slow for
// a row that has to reach an edge in time, so a proof that differs is made once more: a protection that is missing is missing twice.
func proof(t *testing.T, h *house) {
	begin := time.Now()
	out, err := h.m.try("", "logis doctor --prove")
	if err != nil {
		say(t, "%s\nonce more, after %v", out, time.Since(begin).Round(time.Second))
		out, err = h.m.try("", "logis doctor --prove")
	}
	say(t, "%s", out)
	if err != nil {
		t.Errorf("logis doctor --prove: %v", err)
	}
	say(t, "the proof took %v", time.Since(begin).Round(time.Second))
	if left := h.m.run(t, "logis list"); strings.Contains(left, "prove-") {
		t.Errorf("a throw-away site is left:\n%s", left)
	}
	h.checkServed(t)
}
