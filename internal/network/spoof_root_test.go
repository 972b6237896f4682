//go:build root

package network

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// TestSpoof sends frames as root of a site with a raw socket could, and looks at where they arrive.
func TestSpoof(t *testing.T) { bothFilters(t, testSpoof) }

func testSpoof(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	other, otherSite := h.attachSite(t, 1)
	for _, f := range Frames() {
		t.Run(f.Name, func(t *testing.T) {
			if got, err := h.Send(f, p, site, other, otherSite); err != nil || !slices.Contains(f.Want, got) {
				t.Errorf("%s, %v; want %q", got, err, f.Want)
			}
		})
	}
}

// TestSendSees takes the rules away: the frames that they drop arrive, at the host or at the other site.
func TestSendSees(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	other, otherSite := h.attachSite(t, 1)
	for _, of := range []string{"iptables", "ip6tables"} { // else the IP rules would drop some of them too
		if _, err := linux.ReadSysctl("net/bridge/bridge-nf-call-" + of); err == nil {
			try(t, linux.WriteSysctl("net/bridge/bridge-nf-call-"+of, "0"))
		}
	}
	run(t, "nft", "delete", "table", "bridge", h.instance)
	run(t, "bridge", "link", "set", "dev", h.vethName(p.Index), "isolated", "off")
	run(t, "bridge", "link", "set", "dev", h.vethName(other.Index), "isolated", "off")
	for _, f := range Frames() {
		got, err := h.Send(f, p, site, other, otherSite)
		if err != nil || got == Dropped && f.Name != "spanning tree" && f.Name != "LLDP" {
			t.Errorf("%s: %s, %v", f.Name, got, err)
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
