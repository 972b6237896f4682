//go:build root

package network

import (
	"context"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestShare: one site cannot fill the host's table of connections, and what it does costs no other site anything.
func TestShare(t *testing.T) {
	h := newHost(t)
	h.ensure(t)
	_, site0 := h.attachSite(t, 0)
	p1, site1 := h.attachSite(t, 1)
	serveTCP(t, h.other, ":5000")
	serveTCP(t, nil, ":80")
	for name, to := range map[string]string{"IPv4": internet4, "IPv6": internet6} {
		if got := flood(t, h.other, site0, to, 2100); got != 2000 {
			t.Errorf("%s: %d connections got through, want 2000", name, got)
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

// flood sends one datagram from each of n ports of a site, and returns how many came out at the other machine.
func flood(t *testing.T, other, site *os.File, to string, n int) int {
	t.Helper()
	var l *net.UDPConn
	inNS(t, other, func() (err error) {
		l, err = net.ListenUDP("udp", &net.UDPAddr{Port: 6000})
		return err
	})
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
