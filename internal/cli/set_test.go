package cli_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

func TestSet(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	socket, _ := servertest.Serve(t, m)
	for _, tc := range []struct {
		args   string
		status int
		said   string // the line, or what the line of the error has in it
	}{
		{"set alice --memory 1GiB --disk 4GiB", 0, "alice: memory 1GiB, disk 4GiB\n"},
		{"set alice --swap 0 --cpus 2 --pids 64 --priority -3", 0, "alice: swap off, 2 cpus, 64 processes, priority -3\n"},
		{"set alice --memory 1GiB --memory 2GiB", 0, "alice: memory 2GiB\n"},
		{"set alice --cpu-weight 300 --io-weight 20 --open-files 2048", 0, "alice: cpu weight 300, i/o weight 20, 2048 open files\n"},
		{"set alice --io-bandwidth 20MiB --log-size 4MiB", 0, "alice: i/o bandwidth 20MiB/s, log size 4MiB\n"},
		{"set alice --io-bandwidth 0", 0, "alice: i/o bandwidth off\n"},
		{"set alice --io-bandwidth off", 0, "alice: i/o bandwidth off\n"},
		{"set alice --swap off", 0, "alice: swap off\n"},
		{"set alice --swap none", 0, "alice: swap off\n"},
		{"set alice --memory 256MB", 2, "MB counts by 1000 in some programs and by 1024 in others: write 256MiB"},
		{"set alice --bandwidth 5mb/s", 2, "write 5MiB"},
		{"set alice", 2, "set what? give at least one limit, such as --memory, or --priority"},
		{"set alice --cpu-weight 0", 2, "must be a whole number above zero"},
		{"set alice --cpu-weight 10001", 2, "cpu weight must be from 1 to 10000"},
		{"set alice --io-weight 10001", 2, "i/o weight must be from 1 to 10000"},
		{"set alice --io-bandwidth 1K", 2, "i/o bandwidth must be from 1 MiB to 128 GiB a second, or off for no limit"},
		{"set alice --io-bandwidth on", 2, `"on" is not bytes a second such as 10MiB, nor off`},
		{"set alice --open-files 10", 2, "open files must be from 256 to 1048576"},
		{"set alice --log-size 1K", 2, "log size must be from 64 KiB to 1 GiB"},
		{"set", 2, "set takes NAME, got none:"},
		{"set alice bob --cpus 1", 2, "set takes NAME, got 2 operands:"},
		{"set nobody --cpus 1", 3, `cannot change "nobody": no such site`},
		{"set alice --memory 1", 2, `cannot change "alice": memory must be at least 64 MiB`},
		{"set alice --memory 10Z", 2, "is not a quantity such as 512MiB"},
		{"set alice --memory 0", 2, "must be above zero"},
		{"set alice --disk 1MiB", 2, "disk must be at least 256 MiB"},
		{"set alice --cpus 0", 2, "must be a number above zero"},
		{"set alice --pids 1", 2, "pids must be from 32 to"},
		{"set alice --priority high", 2, "must be a whole number from -1000 to 1000"},
		{"set alice --priority 1001", 2, "priority must be from -1000 to 1000"},
	} {
		args := strings.Fields(tc.args)
		r := run(t, socket, "", args...)
		if r.status != tc.status {
			t.Errorf("logis %s: status %d, want %d: %q", tc.args, r.status, tc.status, r.err)
		}
		if tc.status == 0 {
			if d := cmp.Diff(result{0, tc.said, ""}, r, cmp.AllowUnexported(result{})); d != "" {
				t.Errorf("logis %s (-want +got):\n%s", tc.args, d)
			}
			continue
		}
		oneLine(t, r, args...)
		if !strings.Contains(r.err, tc.said) {
			t.Errorf("logis %s: stderr %q, want %q in it", tc.args, r.err, tc.said)
		}
	}
	show := run(t, socket, "", "show", "alice").out
	for _, want := range []string{" of 2GiB (0 %)", " of 4GiB", "at most 2 cpus, weight 300,", "of 64 (0 %), 2048 open files each\n", "disk i/o   bandwidth off, weight 20\n", "4MiB a service", "  priority   -3\n"} {
		if !strings.Contains(show, want) {
			t.Errorf("show has no %q:\n%s", want, show)
		}
	}
	if r := run(t, socket, "", "create", "bob", "--priority", "7"); r.status != 0 || m.Last().Priority != 7 {
		t.Errorf("create with a priority: %+v, the engine saw %+v", r, m.Last())
	}
	if r := run(t, socket, "", "show", "bob"); strings.Contains(r.out, "priority") {
		t.Errorf("show of a site like all others:\n%s", r.out)
	}
}

// A limit that the host does not enforce is not passed over.
func TestSetWarns(t *testing.T) {
	m := servertest.New()
	s := servertest.StatusOf("alice", site.Running)
	s.Warnings = []string{"swap limit: this kernel does not count swap by cgroup"}
	m.Put(s)
	socket, _ := servertest.Serve(t, m)
	want := result{0, "alice: swap 1GiB\n", "logis: warning: swap limit: this kernel does not count swap by cgroup\n"}
	if r := run(t, socket, "", "set", "alice", "--swap", "1GiB"); r != want {
		t.Errorf("set: %+v", r)
	}
	// What create said of other limits is not said again.
	want = result{0, "alice: i/o weight 60\n", ""}
	if r := run(t, socket, "", "set", "alice", "--io-weight", "60"); r != want {
		t.Errorf("set of another limit: %+v", r)
	}
}
