package image

import (
	"testing"
	"time"
)

// A build is newer than what was built before it, also when the clock went back meanwhile.
func TestBuiltAtGoesForward(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	for name, after := range map[string]time.Time{
		"first": {}, "yesterday": now.AddDate(0, 0, -1), "this second": now, "tomorrow": now.AddDate(0, 0, 1), "in years": now.AddDate(70, 0, 0),
	} {
		got := builtAt(now, after)
		if !got.After(after) || got.Before(now.Truncate(time.Second)) || got.Location() != time.UTC {
			t.Errorf("%s: an image after that of %s is dated %s", name, after, got)
		}
	}
}
