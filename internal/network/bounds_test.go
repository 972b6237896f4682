package network

import "testing"

// TestOneSiteLeavesTheTableToOthers: not half of a small machine's table is one site's, also where every connection is closed
// as soon as it is answered and then stays in it for two minutes.
func TestOneSiteLeavesTheTableToOthers(t *testing.T) {
	const small = 65536
	if got := EntriesOfSite(); got != 25_500 || got > small/2 {
		t.Errorf("one site may fill %d entries, want 25500", got)
	}
}
