//go:build root

package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sync/errgroup"

	"github.com/logis-project/logis/internal/linux"
)

// state is all that the package could leave on a host, without what changes by itself.
func state(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, args := range [][]string{
		{"ip", "-brief", "addr"},
		{"ip", "route", "show", "table", "all"},
		{"ip", "-6", "route", "show", "table", "all"},
		{"ip", "neigh", "show", "nud", "permanent"},
		{"bridge", "fdb"},
		{"bridge", "-details", "link"},
		{"nft", "list", "ruleset"},
	} {
		var lines []string
		for line := range strings.Lines(run(t, args[0], args[1:]...)) {
			if !ofKernel.MatchString(line) {
				lines = append(lines, strings.TrimSpace(volatile.ReplaceAllString(line, "")))
			}
		}
		slices.Sort(lines) // sets and routes come in any order
		fmt.Fprintf(&b, "%s:\n%s\n", args, strings.Join(lines, "\n"))
	}
	return b.String()
}

// ofKernel are lines that follow addresses, the carrier or forwarding, sooner or later: routes of the table local, groups
// of multicast, link-local addresses.
var ofKernel = regexp.MustCompile(`33:33:|01:00:5e:|fe80::/64|^(local|anycast) .* table local|ff00::/8`)

// volatile are states of links that follow the carrier, and timers.
var volatile = regexp.MustCompile(` (UP|DOWN|LOWERLAYERDOWN|UNKNOWN) +| linkdown|[a-z_]+_timer +[0-9.]+|fe80::\S+`)

func same(t *testing.T, what, before, after string) {
	t.Helper()
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("%s (-before +after):\n%s", what, diff)
	}
}

func TestNothingIsLeft(t *testing.T) {
	h := newHost(t)
	// A table, a bridge and a link of others, with names that are nearly ours.
	run(t, "nft", "add table inet logis2; add chain inet logis2 c; add table bridge other")
	run(t, "ip", "link", "add", "logis-x", "type", "veth", "peer", "name", "logis1-0")
	t.Cleanup(func() {
		run(t, "nft", "flush ruleset")
		run(t, "ip", "link", "del", "logis-x")
	})
	before := state(t)
	for range 3 {
		try(t, h.Ensure(t.Context(), nil, nil))
		p, ns := testPort(7), newNetNS(t, syscall.CLONE_NEWUSER)
		try(t, h.Attach(t.Context(), p, ns))
		try(t, h.Redirect(t.Context(), p))
		indexes, err := h.Attached(t.Context())
		try(t, err)
		if diff := cmp.Diff([]int{7}, indexes); diff != "" {
			t.Errorf("attached (-want +got):\n%s", diff)
		}
		try(t, h.RemoveRedirect(t.Context(), p))
		try(t, h.Detach(t.Context(), p))
		try(t, h.Detach(t.Context(), p))
		try(t, h.Down(t.Context()))
		try(t, h.Down(t.Context()))
		try(t, h.Detach(t.Context(), p))
		try(t, h.RemoveRedirect(t.Context(), p))
		same(t, "after Down", before, state(t))
	}
}

func TestDetachByIndex(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	before := state(t)
	try(t, h.Attach(t.Context(), testPort(3), newNetNS(t, syscall.CLONE_NEWUSER)))
	try(t, h.Detach(t.Context(), Port{Index: 3}))
	same(t, "after Detach", before, state(t))
}

func TestAttachAfterError(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	before := state(t)
	ns := newNetNS(t, syscall.CLONE_NEWUSER)
	inNS(t, ns, func() error { // makes eth0 impossible
		veth := netlink.NewVeth(netlink.LinkAttrs{Name: "eth0", TxQLen: -1})
		veth.PeerName = "eth1"
		return netlink.LinkAdd(veth)
	})
	if err := h.Attach(t.Context(), testPort(0), ns); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("attach where eth0 exists: %v", err)
	}
	same(t, "after the error", before, state(t))
	outside := testPort(0)
	outside.Addr4 = h.Gateway4()
	if err := h.Attach(t.Context(), outside, newNetNS(t, syscall.CLONE_NEWUSER)); err == nil {
		t.Error("attached with the gateway's address")
	}
	// A link that the last container left is replaced.
	p := testPort(1)
	try(t, h.Attach(t.Context(), p, newNetNS(t, syscall.CLONE_NEWUSER)))
	last := newNetNS(t, syscall.CLONE_NEWUSER)
	try(t, h.Attach(t.Context(), p, last))
	serveTCP(t, last, ":80")
	if got := askTCP(t, nil, p.Addr4.String()+":80", patience); got != h.Gateway4().String() {
		t.Errorf("attached again: %q", got)
	}
	try(t, h.Detach(t.Context(), p))
	same(t, "after Detach", before, state(t))
}

func TestEnsureTwice(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	try(t, h.Redirect(t.Context(), p))
	ports := []Port{p}
	// What the kernel then has is what netlink put there: the rendered elements are the same.
	before := state(t)
	connection := openConnection(t, h.other, site, p)
	for range 3 {
		try(t, h.Ensure(t.Context(), ports, ports))
		same(t, "after Ensure", before, state(t))
		connection.check(t)
	}
	try(t, h.RemoveRedirect(t.Context(), p)) // the keys of rendered elements are those that netlink deletes
	try(t, h.Detach(t.Context(), p))
	for _, table := range []string{"inet", "bridge"} {
		if rules := run(t, "nft", "list", "table", table, "logis"); strings.Contains(rules, "22001") || strings.Contains(rules, "logis-0") {
			t.Errorf("elements are left:\n%s", rules)
		}
	}
	try(t, h.Attach(t.Context(), p, newNetNS(t, syscall.CLONE_NEWUSER)))
	// Sites that are not named have no rules any more, and send nothing.
	try(t, h.Ensure(t.Context(), nil, nil))
	if rules := run(t, "nft", "list", "table", "bridge", "logis"); strings.Contains(rules, "logis-0") {
		t.Errorf("elements of a site that is not there:\n%s", rules)
	}
}

// connection is one that another machine has with a site's port 22.
type connection struct{ client, server net.Conn }

func openConnection(t *testing.T, other, site *os.File, p Port) connection {
	t.Helper()
	var c connection
	var l net.Listener
	inNS(t, site, func() (err error) {
		l, err = net.Listen("tcp", ":22")
		return err
	})
	defer l.Close()
	inNS(t, other, func() (err error) {
		c.client, err = net.Dial("tcp", net.JoinHostPort(hostAddr4, fmt.Sprint(p.SSHPort)))
		return err
	})
	var err error
	c.server, err = l.Accept()
	try(t, err)
	t.Cleanup(func() { c.client.Close(); c.server.Close() })
	c.check(t)
	return c
}

func (c connection) check(t *testing.T) {
	t.Helper()
	for _, way := range [][2]net.Conn{{c.client, c.server}, {c.server, c.client}} {
		_, err := way[0].Write([]byte("ping"))
		try(t, err)
		try(t, way[1].SetDeadline(deadline()))
		if _, err := way[1].Read(make([]byte, 4)); err != nil {
			t.Fatalf("connection lost: %v", err)
		}
	}
}

func TestInsideSite(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	_, site := h.attachSite(t, 258)
	inNS(t, site, func() error {
		out := runHere(t, "ip", "-brief", "addr") + runHere(t, "ip", "route") + runHere(t, "ip", "-6", "route", "show", "default")
		want := "lo UNKNOWN 127.0.0.1/8 ::1/128\n" +
			"eth0@ifN UP 10.83.1.4/32 fd83:6c6f:6769::104/128\n" +
			"default via 10.83.0.1 dev eth0\n10.83.0.1 dev eth0 scope link\n" +
			"default via fd83:6c6f:6769::1 dev eth0 metric 1024 pref medium\n"
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("inside (-want +got):\n%s", diff)
		}
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		if eth0.Attrs().MTU != uplinkMTUForTest || eth0.Attrs().HardwareAddr.String() != h.mac(258).String() {
			t.Errorf("eth0 has MTU %d and MAC %s", eth0.Attrs().MTU, eth0.Attrs().HardwareAddr)
		}
		if v, err := linux.ReadSysctl("net/ipv6/conf/eth0/accept_ra"); v != "0" || err != nil {
			t.Errorf("accept_ra is %q, %v", v, err)
		}
		// No entry helps here: ARP and neighbour discovery must find the gateway.
		_ = runHere(t, "ip", "neigh", "flush", "all")
		return nil
	})
	serveTCP(t, nil, ":80")
	for _, gateway := range []string{h.Gateway4().String(), "[" + h.Gateway6().String() + "]"} {
		if got := askTCP(t, site, gateway+":80", patience); !strings.HasPrefix(got, "10.83.1.4") && got != "fd83:6c6f:6769::104" {
			t.Errorf("gateway %s: %q", gateway, got)
		}
	}
}

func TestForwarding(t *testing.T) {
	h := newHost(t)
	for _, name := range []string{"net/ipv6/conf/all/forwarding", "net/ipv4/ip_forward"} {
		try(t, linux.WriteSysctl(name, "0"))
	}
	try(t, linux.WriteSysctl("net/ipv6/conf/uplink/accept_ra", "1"))
	try(t, linux.WriteSysctl("net/ipv6/conf/lo/accept_ra", "0"))
	h.ensure(t)
	for name, want := range map[string]string{
		"net/ipv4/ip_forward":                  "1",
		"net/ipv6/conf/all/forwarding":         "1",
		"net/ipv6/conf/uplink/accept_ra":       "2", // still takes its address from advertisements
		"net/ipv6/conf/lo/accept_ra":           "0", // as the admin set it
		"net/ipv6/conf/logis0/accept_ra":       "0",
		"net/ipv4/conf/logis0/route_localnet":  "1",
		"net/ipv4/conf/uplink/route_localnet":  "0",
		"net/ipv4/conf/default/route_localnet": "0",
	} {
		if got, err := linux.ReadSysctl(name); got != want || err != nil {
			t.Errorf("%s is %q, %v, want %s", name, got, err, want)
		}
	}
}

func TestFullBridge(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	bridge, err := netlink.LinkByName(h.bridgeName())
	try(t, err)
	t.Cleanup(func() { run(t, "ip", "link", "del", "group", "83") }) // all at once: one by one takes seconds
	for i := range 512 {                                             // pairs; all ends but one make 1,023 ports
		veth := netlink.NewVeth(netlink.LinkAttrs{Name: fmt.Sprint("a", i), TxQLen: -1, MasterIndex: bridge.Attrs().Index, Group: 83})
		veth.PeerName = fmt.Sprint("b", i)
		try(t, netlink.LinkAdd(veth))
		if i == 0 {
			continue
		}
		peer, err := netlink.LinkByName(veth.PeerName)
		try(t, err)
		try(t, netlink.LinkSetMaster(peer, bridge))
	}
	err = h.Attach(context.Background(), testPort(0), newNetNS(t, syscall.CLONE_NEWUSER))
	if !errors.Is(err, ErrFull) {
		t.Errorf("attach to a full bridge: %v", err)
	}
	indexes, err := h.Attached(t.Context())
	if len(indexes) != 0 || err != nil {
		t.Errorf("left on the host: %v, %v", indexes, err)
	}
}

func TestAttachTogether(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	before := state(t)
	var ports []Port
	var all errgroup.Group
	for i := range 16 {
		p, ns := testPort(i), newNetNS(t, syscall.CLONE_NEWUSER)
		ports = append(ports, p)
		all.Go(func() error { return errors.Join(h.Attach(t.Context(), p, ns), h.Redirect(t.Context(), p)) })
	}
	try(t, all.Wait())
	attached := state(t)
	try(t, h.Ensure(t.Context(), ports, ports))
	same(t, "Ensure has another idea of what is attached", attached, state(t))
	for _, p := range ports {
		all.Go(func() error { return errors.Join(h.RemoveRedirect(t.Context(), p), h.Detach(t.Context(), p)) })
	}
	try(t, all.Wait())
	same(t, "after Detach", before, state(t))
}

// BenchmarkAttach is one site connected and disconnected.
func BenchmarkAttach(b *testing.B) {
	n, err := New(testOptions())
	if err != nil {
		b.Fatal(err)
	}
	if err := n.Ensure(b.Context(), nil, nil); err != nil {
		b.Fatal(err)
	}
	defer n.Down(context.Background())
	for i := range b.N {
		b.StopTimer()
		ns := newNetNS(b, syscall.CLONE_NEWUSER)
		b.StartTimer()
		if err := n.Attach(b.Context(), testPort(i%1000), ns); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := n.Detach(b.Context(), testPort(i%1000)); err != nil {
			b.Fatal(err)
		}
		ns.Close()
		b.StartTimer()
	}
}
