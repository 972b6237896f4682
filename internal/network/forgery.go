package network

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Where a frame arrives, or that it does not.
const (
	Dropped       = "dropped"
	ArrivedAtHost = "arrived at the host"
	ArrivedBeside = "arrived at the other site"
)

// Frame is one that a site with a raw socket could send.
type Frame struct {
	Name string
	Want []string // where it may arrive
	at   int      // in the table
}

// Frames are the frames that the rules must tell apart.
func Frames() []Frame {
	nobody4, nobody6 := netip.IPv4Unspecified(), netip.IPv6Unspecified()
	var all []Frame
	for i, f := range (ends{
		own4: nobody4, own6: nobody6, other4: nobody4, other6: nobody6,
		stranger4: nobody4, stranger6: nobody6, gateway4: nobody4, gateway6: nobody6,
	}).frames() {
		all = append(all, Frame{Name: f.name, Want: f.fate.want(), at: i})
	}
	return all
}

// fate is what must become of a frame.
type fate int

const (
	dropped  fate = iota
	passes        // to the host
	gathered      // to the host, unless its IP rules see frames: it then waits for the other fragments
)

func (f fate) want() []string {
	switch f {
	case passes:
		return []string{ArrivedAtHost}
	case gathered:
		return []string{ArrivedAtHost, Dropped}
	default:
		return []string{Dropped}
	}
}

// frame is a row of the table.
type frame struct {
	name  string
	bytes []byte
	fate  fate
}

// ends are what frames of a site name.
type ends struct {
	mac, otherMAC, bridge net.HardwareAddr
	own4, own6            netip.Addr
	other4, other6        netip.Addr // of the site beside it
	stranger4, stranger6  netip.Addr // nobody's, or a third's
	gateway4, gateway6    netip.Addr
}

func (n *Network) ends(p, other Port) ends {
	return ends{
		mac: n.mac(p.Index), otherMAC: n.mac(other.Index), bridge: n.bridgeMAC(),
		own4: p.Addr4, own6: p.Addr6, other4: other.Addr4, other6: other.Addr6,
		stranger4: besideOf(p.Addr4), stranger6: besideOf(p.Addr6),
		gateway4: n.Gateway4(), gateway6: n.Gateway6(),
	}
}

// besideOf is another address not far off.
func besideOf(a netip.Addr) netip.Addr {
	b := a.AsSlice()
	b[len(b)-1] ^= 64
	other, _ := netip.AddrFromSlice(b)
	return other
}

// frames is the table.
func (e ends) frames() []frame {
	allNodes, nodesMAC := netip.MustParseAddr("ff02::1"), net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
	linkLocal := netip.MustParseAddr("fe80::1")
	solicited := [4]byte{0x60}
	none := [4]byte{}
	ownMAC := append([]byte{2, 1}, e.mac...)                                        // target link-layer address option
	hello := echo("hello")                                                          // no rule of the host's changes it, where its IP rules see frames (br_netfilter)
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
	advertisement := icmp6(e.own6, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))
	offer6 := udp6(e.own6, allNodes, 547, 546, "offer")
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
		b := append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, ip4(e.own4, e.other4, unix.IPPROTO_ICMP, hello)...)
		binary.BigEndian.PutUint16(b[2:], checksum(b))
		return ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, b)
	}
	to := func(proto uint16, packet []byte) []byte { return ethernet(e.bridge, e.mac, proto, packet) }
	const four, six = unix.ETH_P_IP, unix.ETH_P_IPV6

	return []frame{
		{"own IPv4", ethernet(e.bridge, e.mac, unix.ETH_P_IP, ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, hello)), passes},
		{"other MAC", ethernet(e.bridge, e.otherMAC, unix.ETH_P_IP, ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, hello)), dropped},
		{"gateway's MAC", ethernet(broadcast, e.bridge, unix.ETH_P_IP, ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, hello)), dropped},
		{"other site's IPv4", ethernet(e.bridge, e.mac, unix.ETH_P_IP, ip4(e.other4, e.gateway4, unix.IPPROTO_ICMP, hello)), dropped},
		{"other site's MAC and IPv4", ethernet(e.bridge, e.otherMAC, unix.ETH_P_IP, ip4(e.other4, e.gateway4, unix.IPPROTO_ICMP, hello)), dropped},
		{"IPv4 0.0.0.0", ethernet(e.bridge, e.mac, unix.ETH_P_IP, ip4(netip.IPv4Unspecified(), e.gateway4, unix.IPPROTO_ICMP, hello)), dropped},
		{"IPv4 127.0.0.1", ethernet(e.bridge, e.mac, unix.ETH_P_IP, ip4(netip.MustParseAddr("127.0.0.1"), e.gateway4, unix.IPPROTO_ICMP, hello)), dropped},
		{"DHCP server", ethernet(broadcast, e.mac, unix.ETH_P_IP, ip4(e.own4, e.other4, unix.IPPROTO_UDP, udp(67, 68, "offer"))), dropped},

		{"DHCP server at another port", to(four, ip4(e.own4, e.other4, unix.IPPROTO_UDP, udp(1067, 68, "offer"))), dropped},
		{"DHCP server, first fragment", to(four, fragment4(ip4(e.own4, e.other4, unix.IPPROTO_UDP, udp(67, 68, "offer---")), 0, true)), dropped},
		{"DHCP server, a fragment of the ports alone", to(four, fragment4(ip4(e.own4, e.other4, unix.IPPROTO_UDP, udp(67, 68, "")), 0, true)), dropped},
		{"IPv4, a later fragment", to(four, fragment4(ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, hello), 1480, false)), gathered},
		{"ICMP echo request", to(four, icmp4(8)), passes},
		{"ICMP redirect", to(four, icmp4(5)), dropped},
		{"ICMP router advertisement", to(four, icmp4(9)), dropped},
		{"IPv4 in IPv4", to(four, ip4(e.own4, e.gateway4, unix.IPPROTO_IPIP, ip4(e.stranger4, e.gateway4, unix.IPPROTO_ICMP, hello))), dropped},
		{"IGMP", to(four, ip4(e.own4, e.gateway4, unix.IPPROTO_IGMP, make([]byte, 8))), dropped},

		{"own ARP", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(1, e.mac, e.own4, e.gateway4)), passes},
		{"own ARP reply", ethernet(e.bridge, e.mac, unix.ETH_P_ARP, arp(2, e.mac, e.own4, e.gateway4)), passes},
		{"ARP, other sender address", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(1, e.mac, e.stranger4, e.gateway4)), dropped},
		{"ARP, gateway's address", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(2, e.mac, e.gateway4, e.gateway4)), dropped},
		{"ARP, other sender MAC", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(1, e.otherMAC, e.own4, e.gateway4)), dropped},
		{"ARP for something else", ethernet(broadcast, e.mac, unix.ETH_P_ARP, append([]byte{0, 6}, arp(1, e.mac, e.own4, e.gateway4)[2:]...)), dropped},

		{"ARP probe, sender 0.0.0.0", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(1, e.mac, netip.IPv4Unspecified(), e.own4)), dropped},
		{"ARP probe for the gateway's address", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(1, e.mac, netip.IPv4Unspecified(), e.gateway4)), dropped},
		{"gratuitous ARP of its own", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(1, e.mac, e.own4, e.own4)), passes},
		{"gratuitous ARP of another's address", ethernet(broadcast, e.mac, unix.ETH_P_ARP, arp(1, e.mac, e.other4, e.other4)), dropped},
		{"gratuitous ARP of the gateway's address, to the bridge", ethernet(e.bridge, e.mac, unix.ETH_P_ARP, arp(1, e.mac, e.gateway4, e.gateway4)), dropped},
		{"ARP of a frame with another MAC", ethernet(broadcast, e.otherMAC, unix.ETH_P_ARP, arp(1, e.otherMAC, e.other4, e.gateway4)), dropped},
		{"RARP", ethernet(broadcast, e.mac, 0x8035, arp(3, e.mac, e.own4, e.gateway4)), dropped},

		{"own IPv6", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, e.gateway6, 128, none)), passes},
		{"other IPv6", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, udp6(e.stranger6, e.gateway6, 1000, 53, "hello")), dropped},
		{"link-local IPv6", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, udp6(linkLocal, e.gateway6, 1000, 53, "hello")), dropped},
		{"neighbour solicitation", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, e.gateway6, 135, none, e.gateway6.AsSlice())), passes},
		{"neighbour solicitation, own MAC as option", to(six, icmp6(e.own6, e.gateway6, 135, none, e.gateway6.AsSlice(), source(e.mac))), passes},
		{"neighbour solicitation, another's MAC as option", to(six, icmp6(e.own6, e.gateway6, 135, none, e.gateway6.AsSlice(), source(e.otherMAC))), dropped},
		{"neighbour solicitation, another's MAC as second option", to(six, icmp6(e.own6, e.gateway6, 135, none, e.gateway6.AsSlice(), nonce, source(e.otherMAC))), dropped},
		{"neighbour solicitation, own MAC and then another's", to(six, icmp6(e.own6, e.gateway6, 135, none, e.gateway6.AsSlice(), source(e.mac), source(e.otherMAC))), dropped},
		{"neighbour solicitation of ::", to(six, icmp6(netip.IPv6Unspecified(), e.gateway6, 135, none, e.own6.AsSlice())), dropped},
		{"neighbour solicitation behind options", to(six, behind(icmp6(e.own6, e.gateway6, 135, none, e.gateway6.AsSlice(), source(e.otherMAC)), 60, options(58))), dropped},
		{"neighbour solicitation, other source", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, icmp6(e.stranger6, e.gateway6, 135, none, e.gateway6.AsSlice())), dropped},
		{"neighbour advertisement of its own", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, e.gateway6, 136, solicited, e.own6.AsSlice(), ownMAC)), passes},
		{"neighbour advertisement of another", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, e.gateway6, 136, solicited, e.other6.AsSlice(), ownMAC)), dropped},
		{"neighbour advertisement of the gateway", ethernet(nodesMAC, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, allNodes, 136, solicited, e.gateway6.AsSlice(), ownMAC)), dropped},
		{"neighbour advertisement, another's MAC as option", to(six, icmp6(e.own6, e.gateway6, 136, solicited, e.own6.AsSlice(), append([]byte{2, 1}, e.otherMAC...))), dropped},
		{"neighbour advertisement without option", to(six, icmp6(e.own6, e.gateway6, 136, solicited, e.own6.AsSlice())), passes},
		{"neighbour advertisement of another behind options", to(six, behind(icmp6(e.own6, e.gateway6, 136, solicited, e.other6.AsSlice(), ownMAC), 60, options(58))), dropped},
		{"neighbour advertisement of another in a lone fragment", to(six, behind(icmp6(e.own6, e.gateway6, 136, solicited, e.other6.AsSlice(), ownMAC), 44, fragment(58, 0, false))), dropped},
		{"router solicitation", to(six, icmp6(e.own6, allNodes, 133, none, source(e.otherMAC))), dropped},
		{"neighbour advertisement cut short", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, e.gateway6, 136, solicited, []byte{1, 2})), dropped},
		{"router advertisement", ethernet(nodesMAC, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))), dropped},
		{"router advertisement, link-local", ethernet(nodesMAC, e.mac, unix.ETH_P_IPV6, icmp6(linkLocal, allNodes, 134, [4]byte{64, 0, 7, 8}, make([]byte, 8))), dropped},
		{"router advertisement behind hop-by-hop options", to(six, behind(advertisement, 0, options(58))), dropped},
		{"router advertisement behind two headers", to(six, behind(advertisement, 0, options(60), options(58))), dropped},
		{"router advertisement, first fragment", to(six, behind(advertisement, 44, fragment(58, 0, true))), dropped},
		{"router advertisement, lone fragment", to(six, behind(advertisement, 44, fragment(58, 0, false))), dropped},
		{"router advertisement, its headers in the first fragment", to(six, ip6(e.own6, allNodes, 44, append(fragment(60, 0, true), 58, 1, 1, 12, 0, 0, 0, 0))), dropped},
		{"router advertisement, the rest in the second", to(six, ip6(e.own6, allNodes, 44, append(fragment(60, 8, false), advertisement[40:]...))), dropped},
		{"headers without end", to(six, ip6(e.own6, allNodes, 60, append([]byte{58, 200}, make([]byte, 62)...))), dropped},
		{"IPv6 in IPv6", to(six, ip6(e.own6, e.gateway6, 41, udp6(e.stranger6, e.gateway6, 1, 2, "hello"))), dropped},
		{"MLD query", to(six, icmp6(e.own6, allNodes, 130, none, make([]byte, 16))), dropped},
		{"renumbering of routers", to(six, icmp6(e.own6, allNodes, 138, none, make([]byte, 8))), dropped},
		{"echo request behind options", to(six, behind(icmp6(e.own6, e.gateway6, 128, none), 60, options(58))), passes},
		{"DHCPv6 server, its headers in the first fragment", to(six, ip6(e.own6, allNodes, 44, append(fragment(60, 0, true), 17, 1, 1, 12, 0, 0, 0, 0))), dropped},
		{"UDP, a later fragment", to(six, ip6(e.own6, e.gateway6, 44, append(fragment(17, 1448, false), "hello---"...))), gathered},
		{"redirect", ethernet(e.bridge, e.mac, unix.ETH_P_IPV6, icmp6(e.own6, e.gateway6, 137, none, e.own6.AsSlice(), e.other6.AsSlice())), dropped},
		{"DHCPv6 server", ethernet(nodesMAC, e.mac, unix.ETH_P_IPV6, udp6(e.own6, allNodes, 547, 546, "offer")), dropped},

		{"DHCPv6 server at another port", to(six, udp6(e.own6, allNodes, 1547, 546, "offer")), dropped},
		{"DHCPv6 server behind options", to(six, behind(offer6, 60, options(17))), dropped},
		{"DHCPv6 server, first fragment", to(six, behind(offer6, 44, fragment(17, 0, true))), dropped},

		{"QinQ", ethernet(e.bridge, e.mac, unix.ETH_P_8021AD, append([]byte{0, 7, 0x81, 0, 0, 7, 8, 0}, ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, hello)...)), dropped},
		{"802.3 with LLC", ethernet(e.bridge, e.mac, 46, append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, make([]byte, 38)...)), dropped},
		{"MACsec", to(0x88e5, make([]byte, 46)), dropped},
		{"EAPOL", to(unix.ETH_P_PAE, make([]byte, 46)), dropped},
		{"IPv4 as IPv6", to(six, ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, hello)), dropped},
		{"VLAN", ethernet(e.bridge, e.mac, unix.ETH_P_8021Q, append([]byte{0, 7, 8, 0}, ip4(e.own4, e.gateway4, unix.IPPROTO_ICMP, hello)...)), dropped},
		{"VLAN 0", ethernet(e.bridge, e.mac, unix.ETH_P_8021Q, append([]byte{0, 0, 8, 0}, ip4(e.stranger4, e.gateway4, unix.IPPROTO_ICMP, hello)...)), dropped},
		{"PPPoE", ethernet(e.bridge, e.mac, unix.ETH_P_PPP_DISC, make([]byte, 46)), dropped},
		{"spanning tree", ethernet(net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0}, e.mac, 38, append([]byte{0x42, 0x42, 3}, make([]byte, 43)...)), dropped},
		{"LLDP", ethernet(net.HardwareAddr{1, 0x80, 0xc2, 0, 0, 0xe}, e.mac, unix.ETH_P_LLDP, make([]byte, 46)), dropped},

		{"own IPv4, for the other site's link", ethernet(e.otherMAC, e.mac, four, ip4(e.own4, e.other4, unix.IPPROTO_ICMP, hello)), dropped},
		{"own IPv6, for the other site's link", ethernet(e.otherMAC, e.mac, six, udp6(e.own6, e.other6, 1000, 53, "hello")), dropped},
		{"own ARP reply, for the other site's link", ethernet(e.otherMAC, e.mac, unix.ETH_P_ARP, arp(2, e.mac, e.own4, e.other4)), dropped},
	}
}
