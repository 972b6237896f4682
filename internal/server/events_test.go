package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/server/servertest"
)

func happened(m *servertest.Engine) (want []api.Event) {
	m.Happened.Add(event.Event{Time: servertest.Birth(), Type: event.SiteCreated, Site: "alice", Message: "<from> lemp", Seconds: 0.5})
	m.Happened.Add(event.Event{Time: servertest.Birth().Add(time.Second), Type: event.DaemonStarted})
	return []api.Event{
		{Time: servertest.Birth(), Type: "site.created", Site: "alice", Message: "<from> lemp", Seconds: 0.5},
		{Time: servertest.Birth().Add(time.Second), Type: "daemon.started"},
	}
}

func TestEvents(t *testing.T) {
	m := servertest.New()
	want := happened(m)
	c := dial(t, m)
	for n, want := range map[int][]api.Event{0: nil, 1: want[1:], 100: want} {
		var got []api.Event
		err := c.Events(t.Context(), client.EventsOptions{Lines: n}, func(e api.Event) error {
			got = append(got, e)
			return nil
		})
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("last %d: %v (-want +got):\n%s", n, err, d)
		}
	}
	if err := c.Events(t.Context(), client.EventsOptions{Lines: 10_001}, nil); code(err) != api.CodeInvalid {
		t.Errorf("too many lines: %v", err)
	}
}

// TestFollowedEvents: events arrive as they come, until the client leaves or the server ends.
func TestFollowedEvents(t *testing.T) {
	for _, end := range []string{"client", "server"} {
		m := servertest.New()
		want := append(happened(m), api.Event{Time: servertest.Birth(), Type: "site.died", Site: "bob"})
		socket, stop := servertest.Serve(t, m)
		c := client.New(socket)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got []api.Event
		err := c.Events(ctx, client.EventsOptions{Lines: 2, Follow: true}, func(e api.Event) error {
			switch got = append(got, e); {
			case len(got) == 2:
				m.Happened.Add(event.Event{Time: servertest.Birth(), Type: event.SiteDied, Site: "bob"})
			case len(got) == 3 && end == "client":
				cancel()
			case len(got) == 3:
				go stop()
			}
			return nil
		})
		ended := map[string]error{"client": context.Canceled, "server": client.ErrEnded}[end]
		if d := cmp.Diff(want, got); d != "" || !errors.Is(err, ended) {
			t.Errorf("ended by the %s: %v (-want +got):\n%s", end, err, d)
		}
	}
}
