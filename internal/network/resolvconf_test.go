package network

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadResolvConf(t *testing.T) {
	ip := netip.MustParseAddr
	for _, tt := range []struct {
		name, text, resolved string
		want                 resolver
	}{
		{"one", "search x\nnameserver 192.0.2.53\n", "", resolver{dnat: ip("192.0.2.53")}},
		{"without a newline", "nameserver 192.0.2.53", "", resolver{dnat: ip("192.0.2.53")}},
		{"comments and nonsense", "# nameserver 1.1.1.1\n;nameserver 1.1.1.1\nnameserver\nnameserver x\nnameservers 1.1.1.1\n" +
			"\tnameserver\t192.0.2.53 # ours\n", "", resolver{dnat: ip("192.0.2.53")}},
		{"IPv6 first", "nameserver 2001:db8::53\nnameserver 192.0.2.53\n", "", resolver{dnat: ip("192.0.2.53")}},
		{"IPv6 only", "nameserver 2001:db8::53\n", "", resolver{relay: netip.MustParseAddrPort("[2001:db8::53]:53")}},
		{"link-local IPv6", "nameserver fe80::1%eth0\n", "", resolver{relay: netip.MustParseAddrPort("[fe80::1%eth0]:53")}},
		{"IPv4 in IPv6", "nameserver ::ffff:192.0.2.53\n", "", resolver{dnat: ip("192.0.2.53")}},
		{"stub of dnsmasq", "nameserver 127.0.0.1\n", "", resolver{relay: netip.MustParseAddrPort("127.0.0.1:53")}},
		{"this host", "nameserver 0.0.0.0\n", "", resolver{relay: netip.MustParseAddrPort("127.0.0.1:53")}},
		{"stub of resolved", "nameserver 127.0.0.53\n", "nameserver 192.0.2.53\n", resolver{dnat: ip("192.0.2.53")}},
		{
			"stub of resolved with another stub behind it", "nameserver 127.0.0.53\n", "nameserver 127.0.0.1\n",
			resolver{relay: netip.MustParseAddrPort("127.0.0.1:53")},
		},
		{
			"stub of resolved, which has no upstream", "nameserver 127.0.0.53\n", "",
			resolver{relay: netip.MustParseAddrPort("127.0.0.53:53")},
		},
		{
			"resolved's file where resolved is not used", "nameserver 127.0.0.1\n", "nameserver 192.0.2.53\n",
			resolver{relay: netip.MustParseAddrPort("127.0.0.1:53")},
		},
		{"none", "search example.org\n", "", resolver{}},
	} {
		dir := t.TempDir()
		c := resolvConf{path: filepath.Join(dir, "resolv.conf"), resolvedPath: filepath.Join(dir, "resolved")}
		for path, text := range map[string]string{c.path: tt.text, c.resolvedPath: tt.resolved} {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(resolver{}), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	missing := resolvConf{path: filepath.Join(t.TempDir(), "none")}
	if got, err := missing.read(); got != (resolver{}) || err != nil {
		t.Errorf("missing file: %v, %v", got, err)
	}
}

func FuzzParseNameservers(f *testing.F) {
	f.Add([]byte("nameserver 127.0.0.53\noptions edns0\n"))
	f.Add([]byte("nameserver fe80::1%eth0\nnameserver ::ffff:1.2.3.4\nnameserver ::"))
	f.Fuzz(func(t *testing.T, text []byte) {
		servers := parseNameservers(text)
		if len(servers) > maxNameservers {
			t.Errorf("%d nameservers", len(servers))
		}
		for _, s := range servers {
			if !s.IsValid() || s.IsUnspecified() || s.IsMulticast() || s.Is4In6() {
				t.Errorf("unusable nameserver %s", s)
			}
		}
	})
}
