package proxy

import (
	"log/slog"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// The kernel gives a connection to a site up that is silent, in seconds: whether nothing is under way, or what was sent is not
// acknowledged.
func TestUpstreamGivesUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := newForwarder(Limits{}.withDefaults(), slog.New(slog.DiscardHandler))
	conn, err := f.transport.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		t.Fatalf("a %T", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	err = raw.Control(func(fd uintptr) {
		for name, opt := range map[string]int{"idle s": unix.TCP_KEEPIDLE, "interval s": unix.TCP_KEEPINTVL, "silent ms": unix.TCP_USER_TIMEOUT} {
			if got[name], err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, opt); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int{"idle s": 3, "interval s": 2, "silent ms": 15_000}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
