package event

import (
	"sync/atomic"
	"testing"
	"time"
)

// Alive waits for whoever has the lock.
func TestAlive(t *testing.T) {
	x := Open(Options{})
	(*Log)(nil).Alive()
	var released atomic.Bool
	x.mu.Lock()
	time.AfterFunc(time.Millisecond, func() {
		released.Store(true)
		x.mu.Unlock()
	})
	x.Alive()
	if !released.Load() {
		t.Error("Alive returned while another had the lock")
	}
}
