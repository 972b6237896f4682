package network

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The frames below are what a site with a raw socket could send.

var broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func ethernet(to, from net.HardwareAddr, proto uint16, payload []byte) []byte {
	b := append(append([]byte{}, to...), from...)
	return append(binary.BigEndian.AppendUint16(b, proto), payload...)
}

func udp(sport, dport uint16, payload string) []byte {
	b := binary.BigEndian.AppendUint16(nil, sport)
	b = binary.BigEndian.AppendUint16(b, dport)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	b = append(b, 0, 0) // no checksum: allowed for IPv4
	return append(b, payload...)
}

// echo is a ping (RFC 792).
func echo(payload string) []byte {
	b := append([]byte{8, 0, 0, 0, 3, 232, 0, 1}, payload...)
	binary.BigEndian.PutUint16(b[2:], checksum(b))
	return b
}

func ip4(from, to netip.Addr, proto byte, payload []byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 1, 0, 0, 64, proto, 0, 0}
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(b[10:], checksum(b))
	return append(b, payload...)
}

func ip6(from, to netip.Addr, proto byte, payload []byte) []byte {
	b := []byte{0x60, 0, 0, 0, 0, 0, proto, 255}
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	return append(append(append(b, from.AsSlice()...), to.AsSlice()...), payload...)
}

// icmp6 is a message of neighbour discovery (RFC 4861) in a packet: type, four bytes, body.
func icmp6(from, to netip.Addr, kind byte, four [4]byte, body ...[]byte) []byte {
	b := append([]byte{kind, 0, 0, 0}, four[:]...)
	for _, part := range body {
		b = append(b, part...)
	}
	binary.BigEndian.PutUint16(b[2:], checksum6(from, to, unix.IPPROTO_ICMPV6, b))
	return ip6(from, to, unix.IPPROTO_ICMPV6, b)
}

func udp6(from, to netip.Addr, sport, dport uint16, payload string) []byte {
	b := udp(sport, dport, payload)
	binary.BigEndian.PutUint16(b[6:], checksum6(from, to, unix.IPPROTO_UDP, b))
	return ip6(from, to, unix.IPPROTO_UDP, b)
}

// checksum6 covers a pseudo-header too (RFC 8200, 8.1).
func checksum6(from, to netip.Addr, proto byte, b []byte) uint16 {
	pseudo := append(append([]byte{}, from.AsSlice()...), to.AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(b)))
	return checksum(append(append(pseudo, 0, 0, 0, proto), b...))
}

func arp(op uint16, mac net.HardwareAddr, from netip.Addr, to netip.Addr) []byte {
	b := []byte{0, 1, 8, 0, 6, 4}
	b = binary.BigEndian.AppendUint16(b, op)
	b = append(append(b, mac...), from.AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), to.AsSlice()...)
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i, c := range b {
		sum += uint32(c) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
