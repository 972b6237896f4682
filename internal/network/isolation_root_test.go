//go:build root

package network

import (
	"errors"
	"os"
	"testing"
)

// TestReach is what sites reach and what they do not, on the host, outside, and of each other.
func TestReach(t *testing.T) { bothFilters(t, testReach) }

func testReach(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p0, site0 := h.attachSite(t, 0)
	p1, site1 := h.attachSite(t, 1)
	try(t, h.Redirect(t.Context(), p1))
	serveTCP(t, site1, ":22")
	serveTCP(t, site1, ":80")
	serveTCP(t, nil, ":80")
	serveTCP(t, nil, ":2222")
	serveTCP(t, h.other, ":5000")
	inNS(t, h.other, func() error { // a metadata service
		return addAddr("eth0", "169.254.169.254/32")
	})
	run(t, "ip", "route", "add", "169.254.0.0/16", "dev", "uplink")
	gw4, gw6 := h.Gateway4().String(), "["+h.Gateway6().String()+"]"
	for _, tt := range []struct {
		name string
		from *os.File
		to   string
		want string
	}{
		{"outside", site0, internet4 + ":5000", hostAddr4},
		{"outside, IPv6", site0, "[" + internet6 + "]:5000", hostAddr6},
		{"proxy at the gateway", site0, gw4 + ":80", p0.Addr4.String()},
		{"proxy at the gateway, IPv6", site0, gw6 + ":80", p0.Addr6.String()},
		{"proxy at the host's address", site0, hostAddr4 + ":80", p0.Addr4.String()},
		{"another program of the host", site0, gw4 + ":2222", "silence"},
		{"another program of the host, IPv6", site0, gw6 + ":2222", "silence"},
		{"another program at the host's address", site0, hostAddr4 + ":2222", "silence"},
		{"another program at the host's address, IPv6", site0, "[" + hostAddr6 + "]:2222", "silence"},
		{"another site", site0, p1.Addr4.String() + ":80", "silence"},
		{"another site, IPv6", site0, "[" + p1.Addr6.String() + "]:80", "silence"},
		{"another site's redirect", site0, hostAddr4 + ":22002", "silence"},
		{"metadata service", site0, "169.254.169.254:5000", "silence"},
		{"the host reaches the site", nil, p1.Addr4.String() + ":80", gw4},
		{"the host reaches the site, IPv6", nil, "[" + p1.Addr6.String() + "]:80", h.Gateway6().String()},
	} {
		wait := patience
		if tt.want == "silence" {
			wait = impatience
		}
		if got := askTCP(t, tt.from, tt.to, wait); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	// By the gateway: what a site cannot reach on the link it cannot reach through the host either.
	inNS(t, site0, func() error {
		return errors.Join(
			addRoute("eth0", p1.Addr4.String()+"/32", gw4),
			addRoute("eth0", p1.Addr6.String()+"/128", h.Gateway6().String()))
	})
	for _, to := range []string{p1.Addr4.String() + ":80", "[" + p1.Addr6.String() + "]:80"} {
		if got := askTCP(t, site0, to, impatience); got != "silence" {
			t.Errorf("another site, routed to %s: got %q, want silence", to, got)
		}
	}
}
