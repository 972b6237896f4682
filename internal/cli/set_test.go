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
		{"set alice --swap 0 --cpus 2 --pids 64 --priority -3", 0, "alice: swap 0B, 2 cpus, 64 processes, priority -3\n"},
		{"set alice --memory 1GiB --memory 2GiB", 0, "alice: memory 2GiB\n"},
		{"set alice", 2, "set what? give at least one of --memory,"},
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
	for _, want := range []string{" of 2GiB, swap 0B", " of 4GiB", "at most 2 cpus", "of 64\n", "  priority   -3\n"} {
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
	want := "alice: swap 1GiB\n  warning: swap limit: this kernel does not count swap by cgroup\n"
	if r := run(t, socket, "", "set", "alice", "--swap", "1GiB"); r.status != 0 || r.out != want {
		t.Errorf("set: %+v", r)
	}
}
