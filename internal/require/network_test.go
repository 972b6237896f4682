package require

import (
	"strings"
	"testing"
)

func TestConnections(t *testing.T) {
	if c := connections(18, 25500, 3500, 65536); c.Status != OK {
		t.Errorf("18 sites in 65536: %+v", c)
	}
	c := connections(19, 25500, 3500, 65536)
	if c.Status != Warning || !strings.Contains(c.Found, "66500") || !strings.Contains(c.Mend, "nf_conntrack_max=82884") {
		t.Errorf("19 sites in 65536: %+v", c)
	}
	c = connections(1, 25500, 3500, 32768)
	if c.Status != Warning || !strings.Contains(c.Found, "one site can fill 25500") || !strings.Contains(c.Mend, "nf_conntrack_max=59192") {
		t.Errorf("a site in 32768: %+v", c)
	}
}
