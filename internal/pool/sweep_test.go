package pool

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// One group that stays makes the pauses long; what is deleted then is swept as soon as ever.
func TestPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		kick, begin := make(chan struct{}, 1), time.Now()
		var at []time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			passes(ctx, kick, func() bool {
				at = append(at, time.Since(begin))
				return false
			})
		}()
		kick <- struct{}{}
		<-time.After(26 * time.Second)
		kick <- struct{}{}
		<-time.After(2 * time.Second)
		cancel()
		<-done
		want := []time.Duration{200, 600, 1400, 3000, 6200, 12600, 25400, 26200, 26600, 27400}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(at, want) {
			t.Errorf("passes at %v, want %v", at, want)
		}
	})
}
