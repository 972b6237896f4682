package cli_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"unicode"

	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// evil would clear the screen, set the title, go back a line, reverse the reading direction and start a line of its own.
const evil = "x\x1b[2J\x1b]0;title\x07\r\x08\x7f\u009b31m\u202e\u2028\nlogis: all is well\xff"

// TestInjection: nothing that a site says moves the terminal of who looks at it.
func TestInjection(t *testing.T) {
	m := servertest.New()
	s := servertest.StatusOf("alice", site.Failed)
	s.Services = []site.Service{{Name: evil, State: evil}}
	m.Happened.Add(event.Event{Type: evil, Site: evil, Message: evil})
	s.Error, s.Warnings, s.URLs = evil, []string{evil}, []string{evil}
	m.Put(s)
	m.Session = func(_ context.Context, _ string, inside net.Conn, req any) {
		switch req.(type) {
		case control.Logs:
			_ = control.Write(inside, control.LogLine{Service: evil, Text: evil})
		case control.Exec:
			_ = frame.NewWriter(inside).Write(frame.Error, []byte(evil))
			_ = frame.NewWriter(inside).Write(frame.Exit, []byte{127})
		}
	}
	socket, _ := servertest.Serve(t, m)
	for _, args := range [][]string{{"show", "alice"}, {"list"}, {"logs", "alice"}, {"exec", "alice", "--", "x"}, {"events"}} {
		r := run(t, socket, "", args...)
		for _, text := range []string{r.out, r.err} {
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "logis: all is well") {
					t.Errorf("%v: the site wrote a line of its own: %q", args, text)
				}
				for _, c := range strings.TrimSuffix(line, "\n") {
					if !unicode.IsPrint(c) {
						t.Errorf("%v: prints %U in %q", args, c, line)
					}
				}
			}
		}
		if !strings.Contains(r.out+r.err, "all is well") {
			t.Errorf("%v: does not show the text at all: %+v", args, r)
		}
	}
}

func TestLogsOfNoService(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	m.Session = func(context.Context, string, net.Conn, any) {}
	socket, _ := servertest.Serve(t, m)
	r := run(t, socket, "", "logs", "alice", "--service", "apache")
	if r.status != 1 || r.err != "logis: cannot read the logs of \"alice\": it has no service \"apache\", but nginx, proxy\n" {
		t.Errorf("logs of no service: %+v", r)
	}
	if r = run(t, socket, "", "logs", "alice", "--service", "nginx"); r.status != 0 || r.out+r.err != "" {
		t.Errorf("logs of a service that wrote nothing: %+v", r)
	}
}
