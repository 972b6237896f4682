package require

import (
	"strings"
	"testing"
)

func TestConnections(t *testing.T) {
	if c := connections(18, 3500, 65536); c.Status != OK {
		t.Errorf("18 sites of 3500 in 65536: %+v", c)
	}
	c := connections(19, 3500, 65536)
	if c.Status != Warning || !strings.Contains(c.Found, "66500") || !strings.Contains(c.Mend, "nf_conntrack_max=82884") {
		t.Errorf("19 sites of 3500 in 65536: %+v", c)
	}
}
