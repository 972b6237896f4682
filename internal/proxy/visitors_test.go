package proxy

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// visitFrom connects to the proxy from an address of its own, and says whether a request is answered.
func (r *rig) visitFrom(from string) (c net.Conn, answered bool) {
	r.t.Helper()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))}
	c, err := d.DialContext(r.t.Context(), "tcp", r.addr)
	if errors.Is(err, syscall.ECONNRESET) { // closed before connect(2) was asked how it went
		return nil, false
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return c, false
	}
	resp.Body.Close()
	return c, resp.StatusCode == http.StatusNotFound
}

func TestOneVisitorHasNotAll(t *testing.T) {
	r := newRig(t, Limits{Clients: 16}) // of which one visitor has two
	first, ok1 := r.visitFrom("127.0.0.1")
	_, ok2 := r.visitFrom("127.0.0.1")
	if !ok1 || !ok2 {
		t.Fatal("two connections of one visitor are not answered")
	}
	for range 40 { // more than there are connections: a refused one must not keep its place
		if _, ok := r.visitFrom("127.0.0.1"); ok {
			t.Fatal("a visitor has more than its share")
		}
	}
	if _, ok := r.visitFrom("127.0.0.2"); !ok {
		t.Error("another visitor is not answered")
	}
	first.Close()
	poll(t, "a connection that ended makes room", func() bool {
		_, ok := r.visitFrom("127.0.0.1")
		return ok
	})
}

func TestVisitorsNetwork(t *testing.T) {
	v := newVisitors(1, netip.MustParsePrefix("fd83:6c6f:6769::/64"), slog.New(slog.DiscardHandler))
	for _, tc := range []struct{ remote, want string }{
		{"192.0.2.7:80", "192.0.2.7"},
		{"[::ffff:192.0.2.7]:80", "192.0.2.7"}, // as a socket of both families says it
		{"[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2::"},
		{"[2001:db8:1:2::1]:80", "2001:db8:1:2::"},
		{"[fe80::1%eth0]:80", "fe80::"},
		{"[fd83:6c6f:6769::2]:80", "fd83:6c6f:6769::2"}, // a site
		{"[fd83:6c6f:6769::3]:80", "fd83:6c6f:6769::3"},
	} {
		if got := v.of(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tc.remote))); got != netip.MustParseAddr(tc.want) {
			t.Errorf("%s counts as %s, want %s", tc.remote, got, tc.want)
		}
	}
}
