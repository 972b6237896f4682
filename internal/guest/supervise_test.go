package guest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNextPause(t *testing.T) {
	var got []time.Duration
	for p := firstPause; len(got) < 8; p = nextPause(p) {
		got = append(got, p/time.Millisecond)
	}
	if diff := cmp.Diff([]time.Duration{100, 200, 400, 800, 1600, 3200, 4000, 4000}, got); diff != "" {
		t.Error(diff)
	}
}
