//go:build root

package require

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/linux"
	"github.com/logis-project/logis/internal/testhost"
)

func TestMain(m *testing.M) { testhost.Main(m) }

func TestNeededIsHere(t *testing.T) {
	for _, c := range Needed(Options{Subnet4: netip.MustParsePrefix("10.83.0.0/16"), Subnet6: netip.MustParsePrefix("fd83::/64"), LoopFile: "/nonexistent", IDs: IDs{First: 4_200_000_000, Last: 4_200_065_535}}) {
		if c.Status != OK {
			t.Errorf("%+v", c)
		}
	}
	out, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("the check left rules: %v\n%s", err, out)
	}
}

func TestPortHeldByAnother(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	all, err := linux.Listeners()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d is held by %s (pid %d)", port, filepath.Base(self), os.Getpid())
	if c := proxyPorts([]string{fmt.Sprint(":", port)}, all); c.Status != Missing || c.Found != want {
		t.Errorf("%+v, want %q", c, want)
	}
}

func TestStrictFirewalls(t *testing.T) {
	nft := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("nft", args...).CombinedOutput(); err != nil {
			t.Fatalf("nft %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	t.Cleanup(func() { nft("flush ruleset") })
	expect := func(want Status) {
		t.Helper()
		if c := firewalls("logis", "logis0"); c.Status != want {
			t.Errorf("%+v", c)
		}
	}
	expect(OK)
	nft("add table inet logis; add chain inet logis forward { type filter hook forward priority 0; policy drop; }")
	expect(OK) // ours
	nft("add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }")
	expect(OK)
	nft("chain ip filter FORWARD { policy drop; }")
	expect(Warning)
	nft("add rule ip filter FORWARD iifname logis00 accept")
	expect(Warning) // another's
	nft("add rule ip filter FORWARD iifname logis0 accept")
	expect(OK)
}

// A network of the host that shares addresses with the sites' is named with the link that it lies on; the own bridge is none.
func TestSubnets(t *testing.T) {
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	ip("link", "add", "lab0", "type", "bridge")
	t.Cleanup(func() { ip("link", "delete", "lab0") })
	ip("link", "set", "lab0", "up")
	ip("address", "add", "10.83.7.1/24", "dev", "lab0")
	ip("address", "add", "fd83:6c6f:6769::7/64", "dev", "lab0", "nodad")
	o := Options{Subnet4: netip.MustParsePrefix("10.83.0.0/16"), Subnet6: netip.MustParsePrefix("fd83:6c6f:6769::/64"), Bridge: "logis0"}
	want := []string{
		`IPv4 subnet of sites: 10.83.0.0/16 overlaps 10.83.7.0/24, which leads to lab0: set network.subnet4 in logis.toml to another, such as "10.84.0.0/16"`,
		"IPv6 subnet of sites: fd83:6c6f:6769::/64 overlaps fd83:6c6f:6769::/64, which leads to lab0: set network.subnet6 in logis.toml to another",
	}
	for i, c := range subnets(o) {
		if c.Status != Missing || c.String() != want[i] {
			t.Errorf("%+v, want %s", c, want[i])
		}
	}
	o.Bridge = "lab0"
	for _, c := range subnets(o) {
		if c.Status != OK {
			t.Errorf("its own: %+v", c)
		}
	}
}
