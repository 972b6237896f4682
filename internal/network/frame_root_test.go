//go:build root

package network

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rawSocket sends and receives whole frames at a link of ns.
type rawSocket struct{ fd int }

func openRaw(t *testing.T, ns *os.File, link string) *rawSocket {
	t.Helper()
	s := &rawSocket{}
	inNS(t, ns, func() error {
		l, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			return err
		}
		tv := unix.NsecToTimeval(int64(patience))
		if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			return err
		}
		return unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: l.Index})
	})
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

func (s *rawSocket) send(t *testing.T, frame []byte) {
	t.Helper()
	if _, err := unix.Write(s.fd, frame); err != nil {
		t.Fatal(err)
	}
}

// receiveUntil returns the frames that arrive before the one for which last is true.
func (s *rawSocket) receiveUntil(t *testing.T, last func(frame []byte) bool) [][]byte {
	t.Helper()
	var frames [][]byte
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		buf := make([]byte, 2048)
		size, err := unix.Read(s.fd, buf)
		if err != nil {
			t.Fatalf("receive frame: %v", err)
		}
		if last(buf[:size]) {
			return frames
		}
		frames = append(frames, buf[:size])
	}
	t.Fatal("the last frame did not arrive")
	return nil
}

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

// syn opens a TCP connection.
func syn(from, to netip.Addr, sport, dport uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, sport)
	b = binary.BigEndian.AppendUint16(b, dport)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0)
	pseudo := append(append([]byte{}, from.AsSlice()...), to.AsSlice()...)
	pseudo = append(pseudo, 0, unix.IPPROTO_TCP, 0, byte(len(b)))
	binary.BigEndian.PutUint16(b[16:], checksum(append(pseudo, b...)))
	return ip4(from, to, unix.IPPROTO_TCP, b)
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
