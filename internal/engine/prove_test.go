package engine

import (
	"testing"

	"github.com/logis-project/logis/internal/probe"
)

// rowOf is what both tables have in common.
type rowOf struct {
	group, name string
	want        []string
}

func allRows() []rowOf {
	var rows []rowOf
	for _, a := range probe.Attempts() {
		rows = append(rows, rowOf{a.Group, a.Name, a.Want})
	}
	for _, r := range outsideRows() {
		rows = append(rows, rowOf{r.group, r.name, r.want})
	}
	return rows
}

// A row that accepts whatever happens proves nothing.
func TestEveryRowCanFail(t *testing.T) {
	names := map[string]bool{}
	for _, r := range allRows() {
		name := r.group + ": " + r.name
		if names[name] || r.group == "" || r.name == "" {
			t.Errorf("%q is there twice, or has no name", name)
		}
		names[name] = true
		if len(r.want) == 0 {
			t.Errorf("%s expects nothing", name)
		}
		a := probe.Attempt{Group: r.group, Name: r.name, Want: r.want}
		for _, want := range r.want {
			if row := compare(a, probe.Result{Seen: want}); !row.OK || row.Untried != "" {
				t.Errorf("%s: %q is expected and not right", name, want)
			}
			if row := compare(a, probe.Result{Seen: want + ", opened /etc/shadow"}); row.OK {
				t.Errorf("%s: more than %q is right", name, want)
			}
		}
		for _, other := range []string{"", "ENODATA", "opened /etc/shadow", "killed by SIGXCPU"} {
			if row := compare(a, probe.Result{Seen: other}); row.OK {
				t.Errorf("%s: %q is right", name, other)
			}
		}
		if row := compare(a, probe.Result{Seen: r.want[0], Fault: "no memory"}); row.OK || row.Untried == "" {
			t.Errorf("%s: what could not be prepared is right", name)
		}
		if row := compare(a, probe.Result{Lacks: "no such device"}); !row.OK || row.Untried == "" {
			t.Errorf("%s: what this host lacks is wrong, or not said", name)
		}
	}
	if len(names) < 400 {
		t.Errorf("only %d rows", len(names))
	}
}

// Of an attempt to do something, success is no right outcome, but for those that must work.
func TestSuccessIsNotRight(t *testing.T) {
	works := map[string]bool{
		"PID 1: kill it": true, "PID 1: stop it": true, // it says yes and does nothing
		"sockets: unix": true, "sockets: IPv4: TCP": true, "sockets: IPv6: UDP": true, "sockets: IPv4: ping": true, "sockets: netlink: route": true,
		"reaching: the host's proxy, IPv4": true, "reaching: the host's proxy, IPv6": true, "reaching: the host's nameserver": true,
		"reaching: the host, IPv4, ping": true, "reaching: the host, IPv6, ping": true,
	}
	for _, a := range probe.Attempts() {
		if a.Group != "what must work" && probe.Right(a.Want, probe.Done) && !works[a.Group+": "+a.Name] {
			t.Errorf("%s: %s may succeed", a.Group, a.Name)
		}
	}
}
