package probe

import (
	"fmt"
	"testing"
)

// A host of many addresses and ports is not tried past what a site may open at once; each port and each address has its turn.
func TestTargetsAreBounded(t *testing.T) {
	var addresses []string
	var ports []int
	for i := range 32 {
		addresses, ports = append(addresses, fmt.Sprint("10.0.0.", i)), append(ports, i+1)
	}
	got := targets(addresses, ports)
	seen := map[any]bool{}
	for _, t := range got {
		seen[t], seen[t.address], seen[t.port] = true, true, true
	}
	if len(got) != maxDials || len(seen) != maxDials+32+32 {
		t.Errorf("%d targets, %d of them or of their parts are distinct", len(got), len(seen))
	}
	if got := targets(addresses[:2], []int{22, 0, 80}); len(got) != 4 {
		t.Errorf("2 addresses and 2 ports: %v", got)
	}
}
