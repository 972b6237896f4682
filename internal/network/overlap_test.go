package network

import (
	"net"
	"net/netip"
	"testing"
)

func TestOverlapping(t *testing.T) {
	n, err := New(Options{
		Instance: "lt", Subnet4: netip.MustParsePrefix("10.83.0.0/16"), Subnet6: netip.MustParsePrefix("fd83::/64"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for dst, want := range map[string]string{
		"10.83.0.0/16": "subnet4", "10.83.7.0/24": "subnet4", "10.0.0.0/8": "subnet4", "fd83::/48": "subnet6",
		"0.0.0.0/0": "", "::/0": "", "10.84.0.0/16": "", "fd84::/64": "", "fe80::/64": "",
	} {
		_, ipnet, err := net.ParseCIDR(dst)
		if err != nil {
			t.Fatal(err)
		}
		if key, _, overlaps := n.overlapping(*ipnet); key != want || overlaps != (want != "") {
			t.Errorf("%s: %q %v, want %q", dst, key, overlaps, want)
		}
	}
}
