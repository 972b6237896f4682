package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// stuck is a writer whose second Write hangs until it is let go, as one to a full pipe does.
type stuck struct {
	writes         int
	entered, leave chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.writes++; s.writes == 2 {
		close(s.entered)
		<-s.leave
	}
	return len(p), nil
}

// A driver's lock that is never given back is noticed as one of the engine's own is.
func TestAlive(t *testing.T) {
	store, err := site.Open(t.TempDir(), "localhost", site.Ranges{FirstID: 1 << 17})
	if err != nil {
		t.Fatal(err)
	}
	w := &stuck{entered: make(chan struct{}), leave: make(chan struct{})}
	// The file cannot be made: Open logs that, and the first Add too, with the lock.
	events := event.Open(event.Options{Path: filepath.Join(t.TempDir(), "no", "events"), Log: slog.New(slog.NewTextHandler(w, nil))})
	e := New(Options{Store: store, Network: &network.Network{}, Pool: &pool.Pool{}, Routes: &route.Publisher{}, Events: events})
	if err := e.Alive(t.Context()); err != nil {
		t.Errorf("with all locks free: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		events.Add(event.Event{Type: event.SiteFailed})
	}()
	<-w.entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := e.Alive(ctx); err == nil {
		t.Error("a lock is never given back, and nobody noticed")
	}
	close(w.leave)
	<-done
	if err := e.Alive(t.Context()); err != nil {
		t.Errorf("with all locks free again: %v", err)
	}
}
