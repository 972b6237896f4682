package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

// noting is an engine that can only take notes, and what it has noted: "type site: message".
func noting(t *testing.T) (e *Engine, noted func() []string) {
	t.Helper()
	e = New(Options{Events: event.Open(event.Options{})})
	t.Cleanup(e.Quit)
	return e, func() (all []string) {
		_ = e.Events(t.Context(), event.Kept, false, func(n event.Event) error {
			all = append(all, fmt.Sprintf("%s %s: %s", n.Type, n.Site, n.Message))
			return nil
		})
		return all
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("noted (-want +got):\n%s", d)
	}
}

// TestFailureIsToldOnce: a site that fails again and again for one reason fills no log, until it has been ready.
func TestFailureIsToldOnce(t *testing.T) {
	e, noted := noting(t)
	for range 3 {
		e.noteFailed("alice", errors.New("no disk"))
	}
	e.noteFailed("bob", errors.New("no disk"))
	e.noteFailed("alice", errors.New("no image"))
	e.noteFailed("alice", fmt.Errorf("stop: %w", context.Canceled))
	c := &container.Container{}
	e.live("alice").run(c, site.Running)
	e.live("alice").report(c, control.Status{Ready: true})
	e.noteFailed("alice", errors.New("no image"))
	expect(t, noted(), "site.failed alice: no disk", "site.failed bob: no disk", "site.failed alice: no image", "site.failed alice: no image")
}

func TestStartsAndUndos(t *testing.T) {
	e, noted := noting(t)
	e.noteStarted("alice", time.Second, true, nil)
	e.noteStarted("alice", time.Second, false, nil)
	e.noteStarted("alice", time.Second, true, errInterrupted)
	e.noteStarted("alice", time.Second, true, errors.New("not ready after 90s"))
	e.noteUndone("bob", true, fmt.Errorf("make disk: %w", context.Canceled))
	e.noteUndone("bob", false, errors.New("make disk: full"))
	expect(t, noted(),
		"site.started alice: ready",
		"site.started alice: its services are starting",
		"site.started alice: its services are starting",
		"site.failed alice: not ready after 90s",
		"site.undone bob: it could not be made, nothing is left: interrupted",
		"site.failed bob: it could not be made, nor wholly undone: destroy it: make disk: full",
	)
}
