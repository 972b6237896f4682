package require

import (
	"strings"
	"testing"
)

// A pool that lies on no disk is said to be held to nothing, and so is one that cannot be looked at; neither keeps logisd from starting.
func TestIOWithoutADisk(t *testing.T) {
	for pool, says := range map[string]string{"/proc": "lies on no disk that the kernel knows", "/nonexistent": "cannot tell"} {
		for _, c := range []Check{ioBandwidth(pool), ioWeight(pool)} {
			if c.Status != Warning || !strings.Contains(c.Found, says) || c.Mend == "" {
				t.Errorf("%s: %+v, want a warning with %q", pool, c, says)
			}
		}
	}
}
