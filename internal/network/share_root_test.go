//go:build root

package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// TestShare: one site cannot fill the host's table of connections, and what it does costs no other site anything.
func TestShare(t *testing.T) {
	h := newHost(t)
	h.bounds.Share.Rate, h.bounds.Share.Burst = 100_000, 100_000
	h.ensure(t)
	_, site0 := h.attachSite(t, 0)
	p1, site1 := h.attachSite(t, 1)
	serveTCP(t, h.other, ":5000")
	serveTCP(t, nil, ":80")
	for name, to := range map[string]string{"IPv4": internet4, "IPv6": internet6} {
		if got := flood(t, h.other, site0, to, 2100); got != shareOpen {
			t.Errorf("%s: %d connections got through, want %d", name, got, shareOpen)
		}
	}
	for _, to := range []string{internet4 + ":5000", "[" + internet6 + "]:5000", h.Gateway4().String() + ":80"} {
		if got := askTCP(t, site0, to, impatience); got != "silence" {
			t.Errorf("past its share the site reaches %s: %q", to, got)
		}
	}
	if got := askTCP(t, site1, internet4+":5000", patience); got != hostAddr4 {
		t.Errorf("another site: %q", got)
	}
	if got := askTCP(t, site1, h.Gateway4().String()+":80", patience); got != p1.Addr4.String() {
		t.Errorf("another site to the proxy: %q", got)
	}
}

// TestNewConnections: what a site opens in an instant is its burst, and no more than its rate after that.
func TestNewConnections(t *testing.T) {
	h := newHost(t)
	h.bounds.Share.Rate, h.bounds.Share.Burst = 1, 100
	h.ensure(t)
	_, site0 := h.attachSite(t, 0)
	_, site1 := h.attachSite(t, 1)
	try(t, netlink.ConntrackTableFlush(netlink.ConntrackTable)) // of what other tests opened
	serveTCP(t, h.other, ":5000")
	serveTCP(t, nil, ":80")
	for name, to := range map[string]string{"IPv4": internet4, "IPv6": internet6} {
		begin := time.Now()
		got := flood(t, h.other, site0, to, 300)
		if most := 101 + int(time.Since(begin)/time.Second); got < 100 || got > most {
			t.Errorf("%s: %d of 300 connections got through, want 100 to %d", name, got, most)
		}
	}
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, netlink.FAMILY_V4)
	try(t, err)
	if len(flows) > 150 {
		t.Errorf("%d connections are in the host's table: those that were dropped too", len(flows))
	}
	for _, to := range []string{internet4 + ":5000", h.Gateway4().String() + ":80"} {
		if got := askTCP(t, site1, to, patience); got == "silence" {
			t.Errorf("another site does not reach %s", to)
		}
	}
}

// TestFlowIsOneConnection: a flow that is never answered, as of syslog, is counted once.
func TestFlowIsOneConnection(t *testing.T) {
	h := newHost(t)
	h.bounds.Share = bound{Open: 10, Rate: 1, Burst: 10}
	h.ensure(t)
	_, site := h.attachSite(t, 0)
	l := listenUDP(t, h.other, 6000)
	inNS(t, site, func() error {
		c, err := net.Dial("udp", internet4+":6000")
		if err != nil {
			return err
		}
		defer c.Close()
		for i := range 200 {
			if _, err := c.Write([]byte{byte(i)}); err != nil {
				return err
			}
			try(t, l.SetReadDeadline(deadline()))
			if _, _, err := l.ReadFrom(make([]byte, 1)); err != nil {
				t.Fatalf("datagram %d of one flow: %v", i, err)
			}
		}
		return nil
	})
}

// TestVisitsAreBounded: visitors of a site's ssh fill no table, and lock nobody out of another site.
func TestVisitsAreBounded(t *testing.T) {
	for name, bound := range map[string]bound{"open": {Open: 10, Rate: 1000, Burst: 1000}, "new": {Open: 1000, Rate: 1, Burst: 10}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.bounds.Visit = bound
			h.ensure(t)
			p, site := h.attachSite(t, 0)
			q, neighbour := h.attachSite(t, 1)
			try(t, h.Redirect(t.Context(), p))
			try(t, h.Redirect(t.Context(), q))
			holdTCP(t, site, ":22")
			serveTCP(t, neighbour, ":22")
			begin, got := time.Now(), dialMany(t, h.other, net.JoinHostPort(hostAddr4, fmt.Sprint(p.SSHPort)), 13)
			if most := 11 + int(time.Since(begin)/time.Second); got < 10 || got > most || name == "open" && got != 10 {
				t.Errorf("%d visits of 13 got through, want 10 to %d", got, most)
			}
			if got := askTCP(t, h.other, net.JoinHostPort(hostAddr4, fmt.Sprint(q.SSHPort)), patience); got != otherAddr4 {
				t.Errorf("another site's ssh: %q", got)
			}
		})
	}
}

// TestOneVisitorLeavesSomeForOthers: who floods a site's ssh, through its redirect or past it, locks nobody else out of it.
func TestOneVisitorLeavesSomeForOthers(t *testing.T) {
	const late6 = "2001:db8::99" // of the flooder's /64
	h := newHost(t)
	h.bounds.Visit = bound{Open: 1000, Rate: 1, Burst: 30}
	h.bounds.Visitor = bound{Rate: 1, Burst: 10}
	h.ensure(t)
	inNS(t, h.other, func() error { return addAddr("eth0", late6+"/128") })
	p, site := h.attachSite(t, 0)
	try(t, h.Redirect(t.Context(), p))
	holdTCP(t, site, ":22")
	for _, v := range []struct{ host, site, flooder, visitor string }{
		{hostAddr4, p.Addr4.String(), otherAddr4, internet4},
		{hostAddr6, p.Addr6.String(), otherAddr6, internet6},
	} {
		past, through := net.JoinHostPort(v.site, "22"), net.JoinHostPort(v.host, fmt.Sprint(p.SSHPort))
		if got := synFrom(t, h.other, v.flooder, past, 40); got != 0 {
			t.Errorf("%s: %d connections past the redirect", v.flooder, got)
		}
		if synFrom(t, h.other, v.flooder, through, 1) != 1 {
			t.Errorf("%s is locked out by what went past the redirect", v.flooder)
		}
		if got := synFrom(t, h.other, v.flooder, through, 60); got < 8 || got > 20 {
			t.Errorf("%s: %d of 60 connections got through, want about 9", v.flooder, got)
		}
		if synFrom(t, h.other, v.visitor, through, 1) != 1 {
			t.Errorf("%s is locked out by %s", v.visitor, v.flooder)
		}
	}
	if synFrom(t, h.other, late6, net.JoinHostPort(hostAddr6, fmt.Sprint(p.SSHPort)), 10) == 10 {
		t.Error("an IPv6 visitor has as much again from another address of its /64")
	}
}

// synFrom opens n connections in the same instant from an address, and returns how many there are, open until the test ends.
// It gives up before the kernel would send a SYN again.
func synFrom(t *testing.T, ns *os.File, from, to string, n int) (open int) {
	t.Helper()
	local, remote := sockaddr(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), sockaddr(netip.MustParseAddrPort(to))
	family := unix.AF_INET
	if strings.Contains(from, ":") {
		family = unix.AF_INET6
	}
	inNS(t, ns, func() error {
		var fds []unix.PollFd
		for range n {
			fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			t.Cleanup(func() { unix.Close(fd) })
			if err := unix.Bind(fd, local); err != nil {
				return err
			}
			if err := unix.Connect(fd, remote); !errors.Is(err, unix.EINPROGRESS) {
				return fmt.Errorf("connect from %s to %s: %w", from, to, err)
			}
			fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT})
		}
		for until := time.Now().Add(impatience); open < n && time.Now().Before(until); {
			if _, err := unix.Poll(fds, int(impatience/time.Millisecond)); err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
			for i := range fds {
				if fds[i].Revents == unix.POLLOUT {
					open++
				}
				if fds[i].Revents != 0 {
					fds[i].Fd = -1 // poll(2) passes it over from now on
					fds[i].Revents = 0
				}
			}
		}
		return nil
	})
	return open
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// TestCallsAreBounded: of what the host opens to a site, as its proxy does, the same, and what is too much is refused at once.
func TestCallsAreBounded(t *testing.T) {
	h := newHost(t)
	h.bounds.Call = bound{Open: 10, Rate: 1000, Burst: 1000}
	h.ensure(t)
	p, site := h.attachSite(t, 0)
	q, neighbour := h.attachSite(t, 1)
	holdTCP(t, site, ":80")
	serveTCP(t, neighbour, ":80")
	if got := dialMany(t, nil, p.Addr4.String()+":80", 13); got != 10 {
		t.Errorf("%d connections of 13 got through, want 10", got)
	}
	if got := askTCP(t, nil, p.Addr4.String()+":80", patience); got != "refused" {
		t.Errorf("one too much: %q, want refused", got)
	}
	if got := askTCP(t, nil, q.Addr4.String()+":80", patience); got != h.Gateway4().String() {
		t.Errorf("another site: %q", got)
	}
}

// TestClosedConnectionsAreForgotten: what is closed is not held open.
func TestClosedConnectionsAreForgotten(t *testing.T) {
	h := newHost(t)
	h.bounds.Share = bound{Open: 10, Rate: 1000, Burst: 1000}
	h.ensure(t)
	_, site := h.attachSite(t, 0)
	serveTCP(t, h.other, ":5000")
	for i := range 50 {
		if got := askTCP(t, site, internet4+":5000", patience); got != hostAddr4 {
			t.Fatalf("connection %d: %q", i, got)
		}
	}
}

// holdTCP accepts connections and holds them open.
func holdTCP(t *testing.T, ns *os.File, addr string) {
	t.Helper()
	var l net.Listener
	inNS(t, ns, func() (err error) {
		l, err = net.Listen("tcp", addr)
		return err
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

// dialMany opens n connections and returns how many there are, open until the test ends.
func dialMany(t *testing.T, ns *os.File, addr string, n int) (open int) {
	t.Helper()
	inNS(t, ns, func() error {
		for range n {
			wait := impatience
			if c, err := net.DialTimeout("tcp", addr, wait); err == nil {
				t.Cleanup(func() { c.Close() })
				open++
			}
		}
		return nil
	})
	return open
}

func listenUDP(t *testing.T, ns *os.File, port int) *net.UDPConn {
	t.Helper()
	var l *net.UDPConn
	inNS(t, ns, func() (err error) {
		l, err = net.ListenUDP("udp", &net.UDPAddr{Port: port})
		return err
	})
	t.Cleanup(func() { l.Close() })
	return l
}

// flood sends one datagram from each of n ports of a site, and returns how many came out at the other machine.
func flood(t *testing.T, other, site *os.File, to string, n int) int {
	t.Helper()
	l := listenUDP(t, other, 6000)
	defer l.Close()
	var received atomic.Int64
	ended := make(chan struct{})
	go func() { // all along: the socket's buffer does not hold them all
		defer close(ended)
		for buf := make([]byte, 1); ; received.Add(1) {
			if l.SetReadDeadline(time.Now().Add(2*time.Second)) != nil {
				return
			}
			if _, _, err := l.ReadFrom(buf); err != nil {
				return
			}
		}
	}()
	inNS(t, site, func() error {
		for i := range n {
			d := net.Dialer{LocalAddr: &net.UDPAddr{Port: 10000 + i}}
			c, err := d.DialContext(context.Background(), "udp", net.JoinHostPort(to, "6000"))
			if err != nil {
				return err
			}
			_, err = c.Write([]byte{0})
			c.Close()
			if err != nil {
				return err
			}
			// On a busy machine buffers on the way would overflow. What the rules drop never comes: no longer than that.
			for until := time.Now().Add(impatience); i%64 == 63 && received.Load() <= int64(i) && time.Now().Before(until); {
				runtime.Gosched()
			}
		}
		return nil
	})
	<-ended
	return int(received.Load())
}
