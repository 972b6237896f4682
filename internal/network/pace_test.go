package network

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPace(t *testing.T) {
	const s = time.Second
	now := time.Now()
	var p pace
	run := func(failed bool, times int) (pauses []time.Duration) {
		for range times {
			pause := p.next(now, failed)
			pauses, now = append(pauses, pause), now.Add(pause+time.Millisecond)
		}
		return pauses
	}
	for _, step := range []struct {
		what   string
		failed bool
		times  int
		want   []time.Duration
	}{
		{"deleted in a loop", false, 6, []time.Duration{0, 0, 0, s, s, s}},
		{"cannot be loaded", true, 9, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s, 60 * s}},
		{"loaded at last, and lost anew", false, 4, []time.Duration{0, 0, 0, s}},
		{"not loaded again", true, 1, []time.Duration{s}},
	} {
		if d := cmp.Diff(step.want, run(step.failed, step.times)); d != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, d)
		}
	}
}
