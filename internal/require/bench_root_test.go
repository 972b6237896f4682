//go:build root

package require

import "testing"

// BenchmarkNeeded is what the check adds to the start of logisd.
func BenchmarkNeeded(b *testing.B) {
	for b.Loop() {
		Needed(Options{LoopFile: "/nonexistent", IDs: IDs{First: 4_200_000_000, Last: 4_200_065_535}})
	}
}
