package engine

import (
	"testing"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

// From the moment that its PID 1 has died a site is not ready, however long it takes to clean up after it.
func TestDiedIsNotReady(t *testing.T) {
	l, first, second := newLive(), new(container.Container), new(container.Container)
	l.run(first, site.Starting)
	l.report(first, control.Status{Ready: true})
	changed := l.snapshot().changed
	l.died(first)
	select {
	case <-changed:
	default:
		t.Error("nobody who waits is told")
	}
	if s := l.snapshot(); s.ready || s.container != first {
		t.Errorf("after its death: ready %v, container %p, want %p, which is to be cleaned up after", s.ready, s.container, first)
	}
	l.run(second, site.Starting)
	l.report(second, control.Status{Ready: true})
	l.died(first)
	if !l.snapshot().ready {
		t.Error("the death of an earlier container counts for the next one")
	}
}
