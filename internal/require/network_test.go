package require

import (
	"strings"
	"testing"
)

func TestConnections(t *testing.T) {
	if c := connections(2, 25500, 65536); c.Status != OK {
		t.Errorf("2 sites of 25500 in 65536: %+v", c)
	}
	c := connections(3, 25500, 65536)
	if c.Status != Warning || !strings.Contains(c.Found, "76500") || !strings.Contains(c.Mend, "nf_conntrack_max=92884") {
		t.Errorf("3 sites of 25500 in 65536: %+v", c)
	}
}
