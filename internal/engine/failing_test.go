package engine

import (
	"errors"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

// reported is what PID 1 says of a database and a web server that runs.
func reported(state string, restarts int) control.Status {
	why := ""
	if state == "failed" {
		why = "exit status 1"
	}
	return control.Status{Ready: state == "running", Services: []control.Service{
		{Name: "nginx", State: "running", Ready: true},
		{Name: "mariadb", State: state, Ready: state == "running", Restarts: restarts, Error: why},
	}}
}

// A site one of whose services ends at every start is a failed one, until that service answers.
func TestServiceThatDoesNotStart(t *testing.T) {
	l, c := newLive(), new(container.Container)
	l.run(c, site.Starting)
	for i, step := range []struct {
		state    string
		restarts int
		want     site.State
		tell     bool
	}{
		{"starting", 0, site.Starting, false},
		{"failed", 0, site.Starting, false},
		{"starting", 3, site.Starting, false},
		{"failed", 3, site.Starting, false},
		{"failed", 4, site.Failed, true}, // the fifth time in a row
		{"starting", 5, site.Failed, false},
		{"failed", 5, site.Failed, false},
		{"starting", 6, site.Failed, false},
		{"running", 6, site.Running, false},
		{"failed", 6, site.Running, false}, // it dies once
		{"running", 7, site.Running, false},
		{"failed", 10, site.Running, false},
		{"failed", 11, site.Failed, false}, // not told of again so soon
		{"running", 12, site.Running, false},
		{"failed", 17, site.Failed, false},
		{"stopped", 0, site.Starting, false}, // by its owner: that is no failure, and begins anew
		{"starting", 0, site.Starting, false},
		{"failed", 4, site.Failed, false},
	} {
		tell := l.report(c, reported(step.state, step.restarts))
		s := l.snapshot()
		if s.state != step.want || tell != step.tell {
			t.Errorf("step %d: %s, tell %t; want %s, %t", i, s.state, tell, step.want, step.tell)
		}
		want := ""
		if step.want == site.Failed {
			want = "service mariadb ends at every start: exit status 1"
		}
		if s.failure != want {
			t.Errorf("step %d: failure %q, want %q", i, s.failure, want)
		}
	}
}

// Whatever the services say, a site that is being stopped goes on to its end.
func TestFailingWhileStopping(t *testing.T) {
	l, c := newLive(), new(container.Container)
	l.run(c, site.Starting)
	l.stop(site.Stopping)
	if l.report(c, reported("failed", 9)); l.snapshot().state != site.Stopping {
		t.Errorf("it is %s", l.snapshot().state)
	}
	l.gone()
	if s := l.snapshot(); s.failing.service != "" {
		t.Errorf("without a container %q fails", s.failing.service)
	}
}

// What the site says of it is bounded, and told of once.
func TestFailingIsBounded(t *testing.T) {
	e, noted := noting(t)
	c := new(container.Container)
	e.live("alice").run(c, site.Starting)
	long := strings.Repeat("x", 5000)
	if !e.live("alice").report(c, control.Status{Services: []control.Service{{Name: long, State: "failed", Error: long, Restarts: 1 << 40}}}) {
		t.Fatal("not told")
	}
	e.noteFailing("alice")
	s := e.live("alice").snapshot()
	if len(s.failure) > maxServiceName+maxServiceError+50 {
		t.Errorf("%d bytes: %s", len(s.failure), s.failure)
	}
	err := &NotStartingError{Site: "alice", Service: s.failing.service, Why: s.failing.why}
	e.noteStarted("alice", 0, true, errors.Join(err)) // whoever waited for it tells nothing new
	if n := noted(); len(n) != 1 || !strings.HasPrefix(n[0], "site.failed alice: service xxx") {
		t.Errorf("noted %q", n)
	}
}
