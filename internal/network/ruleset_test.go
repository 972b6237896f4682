package network

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func testOptions() Options {
	return Options{
		Instance:   "logis",
		Subnet4:    netip.MustParsePrefix("10.83.0.0/16"),
		Subnet6:    netip.MustParsePrefix("fd83:6c6f:6769::/64"),
		ProxyPorts: []uint16{80, 443},
	}
}

func testPort(index int) Port {
	p := Port{
		Index:   index,
		Addr4:   netip.MustParseAddr("10.83.0.2"),
		Addr6:   netip.MustParseAddr("fd83:6c6f:6769::2"),
		SSHPort: uint16(22001 + index),
	}
	for range index {
		p.Addr4, p.Addr6 = p.Addr4.Next(), p.Addr6.Next()
	}
	return p
}

func TestRenderedRuleset(t *testing.T) {
	n, err := New(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		golden           string
		ports, redirects []Port
		nameserver       netip.Addr
	}{
		{golden: "empty.nft"},
		{
			golden: "sites.nft", ports: []Port{testPort(0), testPort(1)},
			redirects:  []Port{testPort(0), testPort(1), testPort(2)},
			nameserver: netip.MustParseAddr("192.0.2.53"),
		},
	} {
		got, err := n.render(tt.ports, tt.redirects, tt.nameserver)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", tt.golden)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.golden, diff)
		}
	}
}
