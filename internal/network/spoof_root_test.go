//go:build root

package network

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// TestSpoof sends frames as root of a site with a raw socket could, and looks at what leaves the bridge's port.
func TestSpoof(t *testing.T) { bothFilters(t, testSpoof) }

func testSpoof(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	other, _ := h.attachSite(t, 1)
	mac, otherMAC, bridge := h.mac(p.Index), h.mac(other.Index), h.bridgeMAC()
	stranger4, stranger6 := netip.MustParseAddr("10.83.0.99"), netip.MustParseAddr("fd83:6c6f:6769::99")
	allNodes, nodesMAC := netip.MustParseAddr("ff02::1"), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
	linkLocal := netip.MustParseAddr("fe80::1")
	solicited := [4]byte{0x60}
	none := [4]byte{}
	ownMAC := append([]byte{2, 1}, mac...) // target link-layer address option
	hello := udp(1000, 53, "hello")

	tests := []struct {
		name  string
		frame []byte
		pass  bool
	}{
		{"own IPv4", ethernet(bridge, mac, unix.ETH_P_IP, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)), true},
		{"other MAC", ethernet(bridge, otherMAC, unix.ETH_P_IP, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)), false},
		{"gateway's MAC", ethernet(broadcast, bridge, unix.ETH_P_IP, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)), false},
		{"other site's IPv4", ethernet(bridge, mac, unix.ETH_P_IP, ip4(other.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)), false},
		{"other site's MAC and IPv4", ethernet(bridge, otherMAC, unix.ETH_P_IP, ip4(other.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)), false},
		{"IPv4 0.0.0.0", ethernet(bridge, mac, unix.ETH_P_IP, ip4(netip.IPv4Unspecified(), h.Gateway4(), unix.IPPROTO_UDP, hello)), false},
		{"IPv4 127.0.0.1", ethernet(bridge, mac, unix.ETH_P_IP, ip4(netip.MustParseAddr("127.0.0.1"), h.Gateway4(), unix.IPPROTO_UDP, hello)), false},
		{"DHCP server", ethernet(broadcast, mac, unix.ETH_P_IP, ip4(p.Addr4, other.Addr4, unix.IPPROTO_UDP, udp(67, 68, "offer"))), false},

		{"own ARP", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, p.Addr4, h.Gateway4())), true},
		{"own ARP reply", ethernet(bridge, mac, unix.ETH_P_ARP, arp(2, mac, p.Addr4, h.Gateway4())), true},
		{"ARP, other sender address", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, stranger4, h.Gateway4())), false},
		{"ARP, gateway's address", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(2, mac, h.Gateway4(), h.Gateway4())), false},
		{"ARP, other sender MAC", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, otherMAC, p.Addr4, h.Gateway4())), false},
		{"ARP for something else", ethernet(broadcast, mac, unix.ETH_P_ARP, append([]byte{0, 6}, arp(1, mac, p.Addr4, h.Gateway4())[2:]...)), false},

		{"own IPv6", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 128, none)), true},
		{"other IPv6", ethernet(bridge, mac, unix.ETH_P_IPV6, udp6(stranger6, h.Gateway6(), 1000, 53, "hello")), false},
		{"link-local IPv6", ethernet(bridge, mac, unix.ETH_P_IPV6, udp6(linkLocal, h.Gateway6(), 1000, 53, "hello")), false},
		{"neighbour solicitation", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 135, none, h.Gateway6().AsSlice())), true},
		{"neighbour solicitation, other source", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(stranger6, h.Gateway6(), 135, none, h.Gateway6().AsSlice())), false},
		{"neighbour advertisement of its own", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 136, solicited, p.Addr6.AsSlice(), ownMAC)), true},
		{"neighbour advertisement of another", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 136, solicited, other.Addr6.AsSlice(), ownMAC)), false},
		{"neighbour advertisement of the gateway", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, allNodes, 136, solicited, h.Gateway6().AsSlice(), ownMAC)), false},
		{"neighbour advertisement cut short", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 136, solicited, []byte{1, 2})), false},
		{"router advertisement", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))), false},
		{"router advertisement, link-local", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, icmp6(linkLocal, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))), false},
		{"redirect", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 137, none, p.Addr6.AsSlice(), other.Addr6.AsSlice())), false},
		{"DHCPv6 server", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, udp6(p.Addr6, allNodes, 547, 546, "offer")), false},

		{"VLAN", ethernet(bridge, mac, unix.ETH_P_8021Q, append([]byte{0, 7, 8, 0}, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)...)), false},
		{"VLAN 0", ethernet(bridge, mac, unix.ETH_P_8021Q, append([]byte{0, 0, 8, 0}, ip4(stranger4, h.Gateway4(), unix.IPPROTO_UDP, hello)...)), false},
		{"PPPoE", ethernet(bridge, mac, unix.ETH_P_PPP_DISC, make([]byte, 46)), false},
		{"spanning tree", ethernet(net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0}, mac, 38, append([]byte{0x42, 0x42, 3}, make([]byte, 43)...)), false},
		{"LLDP", ethernet(net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0xe}, mac, unix.ETH_P_LLDP, make([]byte, 46)), false},
	}
	sentinel := ethernet(bridge, mac, unix.ETH_P_IP, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, udp(1000, 53, "the last one")))
	up := openRaw(t, nil, h.bridgeName()) // sees what the bridge hands to the host
	from := openRaw(t, site, "eth0")
	for _, tt := range tests {
		from.send(t, tt.frame)
		from.send(t, sentinel)
		passed := false
		for _, frame := range up.receiveUntil(t, func(f []byte) bool { return bytes.Equal(f, sentinel) }) {
			passed = passed || bytes.Equal(frame, tt.frame)
		}
		if passed != tt.pass {
			t.Errorf("%s: passed %v, want %v", tt.name, passed, tt.pass)
		}
	}
}

// TestSpoofedGroup sends packets in frames that bridges keep to themselves (IEEE 802.1D, table 7-10): the kernel hands
// them to the host as received at the port, past the bridge.
func TestSpoofedGroup(t *testing.T) { bothFilters(t, testSpoofedGroup) }

func testSpoofedGroup(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	other, _ := h.attachSite(t, 1)
	var secret, public net.PacketConn
	inNS(t, nil, func() (err error) {
		if secret, err = net.ListenPacket("udp4", "0.0.0.0:9999"); err != nil {
			return err
		}
		public, err = net.ListenPacket("udp4", h.Gateway4().String()+":53")
		return err
	})
	defer secret.Close()
	defer public.Close()
	from := openRaw(t, site, "eth0")
	packet := func(src netip.Addr, port uint16) []byte {
		return ip4(src, h.Gateway4(), unix.IPPROTO_UDP, udp(1000, port, "hello"))
	}
	for last := range byte(16) {
		group := net.HardwareAddr{1, 0x80, 0xc2, 0, 0, last}
		from.send(t, ethernet(group, h.mac(p.Index), unix.ETH_P_IP, packet(p.Addr4, 9999)))
		from.send(t, ethernet(group, h.mac(other.Index), unix.ETH_P_IP, packet(other.Addr4, 9999)))
	}
	from.send(t, ethernet(h.bridgeMAC(), h.mac(p.Index), unix.ETH_P_IP, packet(p.Addr4, 53)))
	buf := make([]byte, 100)
	try(t, public.SetDeadline(deadline()))
	if _, _, err := public.ReadFrom(buf); err != nil {
		t.Fatalf("the packet sent last: %v", err)
	}
	if _, err := secret.WriteTo([]byte("last"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9999}); err != nil {
		t.Fatal(err)
	}
	try(t, secret.SetDeadline(deadline()))
	size, addr, err := secret.ReadFrom(buf)
	try(t, err)
	if string(buf[:size]) != "last" {
		t.Errorf("a packet from %s reached a port of the host that is closed to sites", addr)
	}
	if fdb := run(t, "bridge", "fdb", "show", "br", h.bridgeName()); bytes.Count([]byte(fdb), []byte(h.mac(other.Index).String())) != 1 {
		t.Errorf("the other site's MAC is not at one port:\n%s", fdb)
	}
}

// TestLoopbackFromSite opens connections to 127.0.0.1, at a port that the proxy has, in frames for the bridge.
func TestLoopbackFromSite(t *testing.T) { bothFilters(t, testLoopbackFromSite) }

func testLoopbackFromSite(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	serveTCP(t, nil, "127.0.0.1:443")
	serveTCP(t, nil, h.Gateway4().String()+":80")
	from := openRaw(t, site, "eth0")
	loopback := netip.MustParseAddr("127.0.0.1")
	from.send(t, ethernet(h.bridgeMAC(), h.mac(p.Index), unix.ETH_P_IP, syn(p.Addr4, loopback, 5000, 443)))
	from.send(t, ethernet(h.bridgeMAC(), h.mac(p.Index), unix.ETH_P_IP, syn(p.Addr4, h.Gateway4(), 5001, 80)))
	answerFrom := func(frame []byte, addr netip.Addr) bool {
		return len(frame) >= 34 && frame[12] == 8 && frame[13] == 0 && netip.AddrFrom4([4]byte(frame[26:30])) == addr
	}
	for _, frame := range from.receiveUntil(t, func(f []byte) bool { return answerFrom(f, h.Gateway4()) }) {
		if answerFrom(frame, loopback) {
			t.Error("127.0.0.1 of the host answered a site")
		}
	}
}
