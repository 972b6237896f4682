//go:build root

package network

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
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
	source := func(m net.HardwareAddr) []byte { return append([]byte{1, 1}, m...) } // link-layer address option
	nonce := []byte{14, 1, 1, 2, 3, 4, 5, 6}
	options := func(next byte) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} } // a header of destination options, padding only
	fragment := func(next byte, offset uint16, more bool) []byte {
		at := offset &^ 7
		if more {
			at |= 1
		}
		return []byte{next, 0, byte(at >> 8), byte(at), 0, 0, 0, 7}
	}
	// What a packet holds after its IPv6 header, behind further headers.
	behind := func(packet []byte, next byte, headers ...[]byte) []byte {
		var all []byte
		for _, h := range headers {
			all = append(all, h...)
		}
		return ip6(netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40])), next, append(all, packet[40:]...))
	}
	advertisement := icmp6(p.Addr6, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))
	offer6 := udp6(p.Addr6, allNodes, 547, 546, "offer")
	fragment4 := func(packet []byte, offset uint16, more bool) []byte {
		b := bytes.Clone(packet)
		at := offset / 8
		if more {
			at |= 1 << 13
		}
		binary.BigEndian.PutUint16(b[6:], at)
		b[10], b[11] = 0, 0
		binary.BigEndian.PutUint16(b[10:], checksum(b[:20]))
		return b
	}
	icmp4 := func(kind byte) []byte {
		b := append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, ip4(p.Addr4, other.Addr4, unix.IPPROTO_UDP, hello)...)
		binary.BigEndian.PutUint16(b[2:], checksum(b))
		return ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_ICMP, b)
	}
	to := func(proto uint16, packet []byte) []byte { return ethernet(bridge, mac, proto, packet) }
	const four, six = unix.ETH_P_IP, unix.ETH_P_IPV6

	calls, err := linux.ReadSysctl("net/bridge/bridge-nf-call-iptables")
	gathered := err == nil && calls == "1" // the host waits for the other fragments before the bridge has this one

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

		{"DHCP server at another port", to(four, ip4(p.Addr4, other.Addr4, unix.IPPROTO_UDP, udp(1067, 68, "offer"))), false},
		{"DHCP server, first fragment", to(four, fragment4(ip4(p.Addr4, other.Addr4, unix.IPPROTO_UDP, udp(67, 68, "offer---")), 0, true)), false},
		{"DHCP server, a fragment of the ports alone", to(four, fragment4(ip4(p.Addr4, other.Addr4, unix.IPPROTO_UDP, udp(67, 68, "")), 0, true)), false},
		{"IPv4, a later fragment", to(four, fragment4(ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello), 1480, false)), !gathered},
		{"ICMP echo request", to(four, icmp4(8)), true},
		{"ICMP redirect", to(four, icmp4(5)), false},
		{"ICMP router advertisement", to(four, icmp4(9)), false},
		{"IPv4 in IPv4", to(four, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_IPIP, ip4(stranger4, h.Gateway4(), unix.IPPROTO_UDP, hello))), false},
		{"IGMP", to(four, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_IGMP, make([]byte, 8))), false},

		{"own ARP", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, p.Addr4, h.Gateway4())), true},
		{"own ARP reply", ethernet(bridge, mac, unix.ETH_P_ARP, arp(2, mac, p.Addr4, h.Gateway4())), true},
		{"ARP, other sender address", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, stranger4, h.Gateway4())), false},
		{"ARP, gateway's address", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(2, mac, h.Gateway4(), h.Gateway4())), false},
		{"ARP, other sender MAC", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, otherMAC, p.Addr4, h.Gateway4())), false},
		{"ARP for something else", ethernet(broadcast, mac, unix.ETH_P_ARP, append([]byte{0, 6}, arp(1, mac, p.Addr4, h.Gateway4())[2:]...)), false},

		{"ARP probe, sender 0.0.0.0", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, netip.IPv4Unspecified(), p.Addr4)), false},
		{"ARP probe for the gateway's address", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, netip.IPv4Unspecified(), h.Gateway4())), false},
		{"gratuitous ARP of its own", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, p.Addr4, p.Addr4)), true},
		{"gratuitous ARP of another's address", ethernet(broadcast, mac, unix.ETH_P_ARP, arp(1, mac, other.Addr4, other.Addr4)), false},
		{"gratuitous ARP of the gateway's address, to the bridge", ethernet(bridge, mac, unix.ETH_P_ARP, arp(1, mac, h.Gateway4(), h.Gateway4())), false},
		{"ARP of a frame with another MAC", ethernet(broadcast, otherMAC, unix.ETH_P_ARP, arp(1, otherMAC, other.Addr4, h.Gateway4())), false},
		{"RARP", ethernet(broadcast, mac, 0x8035, arp(3, mac, p.Addr4, h.Gateway4())), false},

		{"own IPv6", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 128, none)), true},
		{"other IPv6", ethernet(bridge, mac, unix.ETH_P_IPV6, udp6(stranger6, h.Gateway6(), 1000, 53, "hello")), false},
		{"link-local IPv6", ethernet(bridge, mac, unix.ETH_P_IPV6, udp6(linkLocal, h.Gateway6(), 1000, 53, "hello")), false},
		{"neighbour solicitation", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 135, none, h.Gateway6().AsSlice())), true},
		{"neighbour solicitation, own MAC as option", to(six, icmp6(p.Addr6, h.Gateway6(), 135, none, h.Gateway6().AsSlice(), source(mac))), true},
		{"neighbour solicitation, another's MAC as option", to(six, icmp6(p.Addr6, h.Gateway6(), 135, none, h.Gateway6().AsSlice(), source(otherMAC))), false},
		{"neighbour solicitation, another's MAC as second option", to(six, icmp6(p.Addr6, h.Gateway6(), 135, none, h.Gateway6().AsSlice(), nonce, source(otherMAC))), false},
		{"neighbour solicitation, own MAC and then another's", to(six, icmp6(p.Addr6, h.Gateway6(), 135, none, h.Gateway6().AsSlice(), source(mac), source(otherMAC))), false},
		{"neighbour solicitation of ::", to(six, icmp6(netip.IPv6Unspecified(), h.Gateway6(), 135, none, p.Addr6.AsSlice())), false},
		{"neighbour solicitation behind options", to(six, behind(icmp6(p.Addr6, h.Gateway6(), 135, none, h.Gateway6().AsSlice(), source(otherMAC)), 60, options(58))), false},
		{"neighbour solicitation, other source", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(stranger6, h.Gateway6(), 135, none, h.Gateway6().AsSlice())), false},
		{"neighbour advertisement of its own", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 136, solicited, p.Addr6.AsSlice(), ownMAC)), true},
		{"neighbour advertisement of another", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 136, solicited, other.Addr6.AsSlice(), ownMAC)), false},
		{"neighbour advertisement of the gateway", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, allNodes, 136, solicited, h.Gateway6().AsSlice(), ownMAC)), false},
		{"neighbour advertisement, another's MAC as option", to(six, icmp6(p.Addr6, h.Gateway6(), 136, solicited, p.Addr6.AsSlice(), append([]byte{2, 1}, otherMAC...))), false},
		{"neighbour advertisement without option", to(six, icmp6(p.Addr6, h.Gateway6(), 136, solicited, p.Addr6.AsSlice())), true},
		{"neighbour advertisement of another behind options", to(six, behind(icmp6(p.Addr6, h.Gateway6(), 136, solicited, other.Addr6.AsSlice(), ownMAC), 60, options(58))), false},
		{"neighbour advertisement of another in a lone fragment", to(six, behind(icmp6(p.Addr6, h.Gateway6(), 136, solicited, other.Addr6.AsSlice(), ownMAC), 44, fragment(58, 0, false))), false},
		{"router solicitation", to(six, icmp6(p.Addr6, allNodes, 133, none, source(otherMAC))), false},
		{"neighbour advertisement cut short", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 136, solicited, []byte{1, 2})), false},
		{"router advertisement", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))), false},
		{"router advertisement, link-local", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, icmp6(linkLocal, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))), false},
		{"router advertisement behind hop-by-hop options", to(six, behind(advertisement, 0, options(58))), false},
		{"router advertisement behind two headers", to(six, behind(advertisement, 0, options(60), options(58))), false},
		{"router advertisement, first fragment", to(six, behind(advertisement, 44, fragment(58, 0, true))), false},
		{"router advertisement, lone fragment", to(six, behind(advertisement, 44, fragment(58, 0, false))), false},
		{"router advertisement, its headers in the first fragment", to(six, ip6(p.Addr6, allNodes, 44, append(fragment(60, 0, true), 58, 1, 1, 12, 0, 0, 0, 0))), false},
		{"router advertisement, the rest in the second", to(six, ip6(p.Addr6, allNodes, 44, append(fragment(60, 8, false), advertisement[40:]...))), false},
		{"headers without end", to(six, ip6(p.Addr6, allNodes, 60, append([]byte{58, 200}, make([]byte, 62)...))), false},
		{"IPv6 in IPv6", to(six, ip6(p.Addr6, h.Gateway6(), 41, udp6(stranger6, h.Gateway6(), 1, 2, "hello"))), false},
		{"MLD query", to(six, icmp6(p.Addr6, allNodes, 130, none, make([]byte, 16))), false},
		{"renumbering of routers", to(six, icmp6(p.Addr6, allNodes, 138, none, make([]byte, 8))), false},
		{"echo request behind options", to(six, behind(icmp6(p.Addr6, h.Gateway6(), 128, none), 60, options(58))), true},
		{"DHCPv6 server, its headers in the first fragment", to(six, ip6(p.Addr6, allNodes, 44, append(fragment(60, 0, true), 17, 1, 1, 12, 0, 0, 0, 0))), false},
		{"UDP, a later fragment", to(six, ip6(p.Addr6, h.Gateway6(), 44, append(fragment(17, 1448, false), "hello---"...))), !gathered},
		{"redirect", ethernet(bridge, mac, unix.ETH_P_IPV6, icmp6(p.Addr6, h.Gateway6(), 137, none, p.Addr6.AsSlice(), other.Addr6.AsSlice())), false},
		{"DHCPv6 server", ethernet(nodesMAC, mac, unix.ETH_P_IPV6, udp6(p.Addr6, allNodes, 547, 546, "offer")), false},

		{"DHCPv6 server at another port", to(six, udp6(p.Addr6, allNodes, 1547, 546, "offer")), false},
		{"DHCPv6 server behind options", to(six, behind(offer6, 60, options(17))), false},
		{"DHCPv6 server, first fragment", to(six, behind(offer6, 44, fragment(17, 0, true))), false},

		{"QinQ", ethernet(bridge, mac, unix.ETH_P_8021AD, append([]byte{0, 7, 0x81, 0, 0, 7, 8, 0}, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)...)), false},
		{"802.3 with LLC", ethernet(bridge, mac, 46, append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, make([]byte, 38)...)), false},
		{"MACsec", to(0x88e5, make([]byte, 46)), false},
		{"EAPOL", to(unix.ETH_P_PAE, make([]byte, 46)), false},
		{"IPv4 as IPv6", to(six, ip4(p.Addr4, h.Gateway4(), unix.IPPROTO_UDP, hello)), false},
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
