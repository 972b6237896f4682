package pool

import (
	"sync/atomic"
	"testing"
	"time"
)

// Alive waits for whoever has the lock.
func TestAlive(t *testing.T) {
	x := &Pool{}
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
