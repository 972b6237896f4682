//go:build root

package network

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestHostIsClosed: of the host, a site reaches its proxy and, where there is one, its nameserver: by none of its addresses
// the admin's sshd, another program's port, or a service of link-local addresses.
func TestHostIsClosed(t *testing.T) { bothFilters(t, testHostIsClosed) }

func testHostIsClosed(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	_, site := h.attachSite(t, 0)
	// The host has, beside its own, the address of a metadata service; that of another machine is in TestReach.
	run(t, "ip", "addr", "add", "169.254.169.254/32", "dev", "lo")
	t.Cleanup(func() { run(t, "ip", "addr", "del", "169.254.169.254/32", "dev", "lo") })
	for _, port := range []int{22, 53, 80, 1022, 3306} {
		serveTCP(t, nil, fmt.Sprintf(":%d", port))
	}
	addresses := []string{h.Gateway4().String(), h.Gateway6().String(), hostAddr4, hostAddr6, "169.254.169.254"}
	open := map[string]bool{ // DNS is at the gateway alone
		net.JoinHostPort(h.Gateway4().String(), "53"): true,
	}
	for _, addr := range addresses {
		for _, port := range []string{"22", "53", "80", "1022", "3306"} {
			at := net.JoinHostPort(addr, port)
			want := port == "80" || open[at]
			wait := impatience / 4 // after all these it is known that the open ones answer in less
			if want {
				wait = patience
			}
			got := askTCP(t, site, at, wait)
			if reached := strings.HasPrefix(got, "10.83.") || strings.HasPrefix(got, "fd83:"); reached != want {
				t.Errorf("TCP %s: %q, reached %v, want %v", at, got, reached, want)
			}
		}
	}

	// Datagrams, also to everybody and to groups, and what comes by the bridge's link-local address.
	l := listenUDP(t, nil, 5353)
	from := openRaw(t, site, "eth0")
	p, bridge, mac := testPort(0), h.bridgeMAC(), h.mac(0)
	everybody := netip.MustParseAddr("10.83.255.255")
	group4, groupMAC4 := netip.MustParseAddr("224.0.0.251"), net.HardwareAddr{1, 0, 0x5e, 0, 0, 0xfb}
	group6, groupMAC6 := netip.MustParseAddr("ff02::fb"), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 0xfb}
	linkLocal := linkLocalOf(t, h.bridgeName())
	knock := udp(1000, 5353, "knock")
	for _, frame := range [][]byte{
		ethernet(bridge, mac, unix.ETH_P_IP, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, knock)),
		ethernet(bridge, mac, unix.ETH_P_IP, ip4(p.Addr4, netip.MustParseAddr(hostAddr4), unix.IPPROTO_UDP, knock)),
		ethernet(bridge, mac, unix.ETH_P_IP, ip4(p.Addr4, netip.MustParseAddr("169.254.169.254"), unix.IPPROTO_UDP, knock)),
		ethernet(broadcast, mac, unix.ETH_P_IP, ip4(p.Addr4, everybody, unix.IPPROTO_UDP, knock)),
		ethernet(broadcast, mac, unix.ETH_P_IP, ip4(p.Addr4, netip.MustParseAddr("255.255.255.255"), unix.IPPROTO_UDP, knock)),
		ethernet(groupMAC4, mac, unix.ETH_P_IP, ip4(p.Addr4, group4, unix.IPPROTO_UDP, knock)),
		ethernet(bridge, mac, unix.ETH_P_IPV6, udp6(p.Addr6, h.Gateway6(), 1000, 5353, "knock")),
		ethernet(bridge, mac, unix.ETH_P_IPV6, udp6(p.Addr6, linkLocal, 1000, 5353, "knock")),
		ethernet(groupMAC6, mac, unix.ETH_P_IPV6, udp6(p.Addr6, group6, 1000, 5353, "knock")),
	} {
		from.send(t, frame)
	}
	// An answer of the gateway to what was sent last says that all before it was judged.
	from.send(t, ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 128, [4]byte{0, 7, 0, 7})))
	from.receiveUntil(t, func(f []byte) bool { return len(f) > 54 && f[12] == 0x86 && f[13] == 0xdd && f[54] == 129 })
	try(t, l.SetReadDeadline(time.Now().Add(impatience/4)))
	if _, addr, err := l.ReadFrom(make([]byte, 8)); err == nil {
		t.Errorf("a datagram of %s reached the host", addr)
	}
}

func linkLocalOf(t *testing.T, link string) netip.Addr {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := deadline(); time.Now().Before(end); <-tick.C {
		l, err := net.InterfaceByName(link)
		try(t, err)
		addrs, err := l.Addrs()
		try(t, err)
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				return p.Addr()
			}
		}
	}
	t.Fatalf("%s has no link-local address", link)
	return netip.Addr{}
}

// TestSMTP: sites deliver no mail by themselves, and learn so at once, unless the admin lets them.
func TestSMTP(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		t.Run(fmt.Sprintf("smtp=%v", allowed), func(t *testing.T) {
			h := newHost(t)
			h.smtp = allowed
			h.ensure(t)
			_, site := h.attachSite(t, 0)
			for _, port := range []string{"25", "465", "587"} {
				serveTCP(t, h.other, ":"+port)
				for addr, answer := range map[string]string{internet4: hostAddr4, internet6: hostAddr6} {
					want := answer
					if port == "25" && !allowed {
						want = "refused"
					}
					if got := askTCP(t, site, net.JoinHostPort(addr, port), patience); got != want {
						t.Errorf("port %s of %s: %q, want %q", port, addr, got, want)
					}
				}
			}
		})
	}
}
