package lxcfs

import (
	"testing"
	"time"
)

// One death is followed by a start at once, a row of them by starts that are further and further apart.
func TestPause(t *testing.T) {
	var p pause
	now := time.Unix(1000, 0)
	for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second} {
		p.began = now
		p.ended(now)
		if got := p.left(now); got != want {
			t.Errorf("pause %d is %s, want %s", i, got, want)
		}
	}
	for range 20 {
		p.ended(now)
	}
	if got := p.left(now); got != longPause {
		t.Errorf("the longest pause is %s, want %s", got, longPause)
	}
	now = now.Add(goodWhile)
	p.ended(now)
	if got := p.left(now); got != 0 {
		t.Errorf("after a good while the pause is %s", got)
	}
}
