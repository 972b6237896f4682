package network

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestNames(t *testing.T) {
	n, err := New(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int{0, 1, 1023, maxIndex} {
		name := n.vethName(index)
		if len(name) > 15 {
			t.Errorf("%q is too long for a link", name)
		}
		if got, ok := n.vethIndex(name); got != index || !ok {
			t.Errorf("index of %s: %d, %v", name, got, ok)
		}
		if mac := n.mac(index); mac[0]&3 != 2 || bytes.Equal(mac, n.bridgeMAC()) {
			t.Errorf("MAC of %d is %s", index, mac)
		}
	}
	for _, name := range []string{"logis-", "logis-x", "logis-01", "logis--1", "logis-+1", "logis0", "logis2-1", "eth0"} {
		if index, ok := n.vethIndex(name); ok {
			t.Errorf("%s is taken for site %d", name, index)
		}
	}
	if got := n.Gateway4(); got != netip.MustParseAddr("10.83.0.1") {
		t.Errorf("gateway %s", got)
	}
	if got := n.Gateway6(); got != netip.MustParseAddr("fd83:6c6f:6769::1") {
		t.Errorf("gateway %s", got)
	}
}

func TestOptions(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"no instance":             func(o *Options) { o.Instance = "" },
		"instance with a command": func(o *Options) { o.Instance = "a;flush" },
		"instance too long":       func(o *Options) { o.Instance = "abcdefghi" },
		"no IPv4":                 func(o *Options) { o.Subnet4 = netip.Prefix{} },
		"IPv6 for IPv4":           func(o *Options) { o.Subnet4 = o.Subnet6 },
		"IPv4 for IPv6":           func(o *Options) { o.Subnet6 = o.Subnet4 },
		"one address":             func(o *Options) { o.Subnet4 = netip.MustParsePrefix("10.0.0.1/32") },
	} {
		o := testOptions()
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
