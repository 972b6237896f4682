//go:build root

package require

import "testing"

// BenchmarkNeeded is what the check adds to the start of logisd.
func BenchmarkNeeded(b *testing.B) {
	for b.Loop() {
		Needed(Options{LoopFile: "/nonexistent"})
	}
}
