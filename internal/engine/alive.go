package engine

import (
	"context"
	"fmt"
)

// Alive returns nil when every lock that all commands share can be taken, and an error when ctx ends before.
func (e *Engine) Alive(ctx context.Context) error {
	taken := make(chan struct{})
	go func() { // ends with the lock's holder: who asks ends logisd where that never comes
		defer close(taken)
		for _, rec := range e.store.All() {
			e.live(rec.Name()).snapshot()
		}
	}()
	select {
	case <-taken:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the engine's locks: %w", context.Cause(ctx))
	}
}
