package network

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"
)

// nameserver answers each message over UDP and TCP with the message and its name; it ends with the test.
func nameserver(t *testing.T, udp net.PacketConn, tcp net.Listener, name string) {
	t.Helper()
	done := make(chan struct{}, 2)
	go func() {
		buf := make([]byte, 1<<16)
		for {
			size, from, err := udp.ReadFrom(buf)
			if err != nil {
				break
			}
			_, _ = udp.WriteTo(append(buf[:size:size], name...), from)
		}
		done <- struct{}{}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				break
			}
			_, _ = io.Copy(c, io.MultiReader(c, &constant{name}))
			c.Close()
		}
		done <- struct{}{}
	}()
	t.Cleanup(func() { udp.Close(); tcp.Close(); <-done; <-done })
}

// constant is read once.
type constant struct{ text string }

func (c *constant) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	size := copy(p, c.text)
	c.text = c.text[size:]
	return size, nil
}

const query = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00a query"

// askName sends a query; over TCP it ends its side, so that the answer ends too.
func askName(c net.Conn) (string, error) {
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil { // and asks again, as resolvers do
		return "", err
	}
	if _, err := c.Write([]byte(query)); err != nil {
		return "", err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		if err := tcp.CloseWrite(); err != nil {
			return "", err
		}
		answer, err := io.ReadAll(c)
		return string(answer), err
	}
	buf := make([]byte, 1<<16)
	size, err := c.Read(buf)
	return string(buf[:size]), err
}

func TestRelay(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	upstream := udp.LocalAddr().(*net.UDPAddr).AddrPort()
	tcp, err := net.Listen("tcp4", upstream.String())
	if err != nil {
		t.Fatal(err)
	}
	nameserver(t, udp, tcp, " answered")
	listen := netip.MustParseAddrPort("127.0.0.2:45353")
	r, err := listenRelay(t.Context(), listen, upstream, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer r.stop()
	for _, network := range []string{"udp", "tcp"} {
		c, err := net.Dial(network, listen.String())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := askName(c); got != query+" answered" || err != nil {
			t.Errorf("%s: got %q, %v", network, got, err)
		}
	}
	if _, err := listenRelay(t.Context(), listen, upstream, r.log); err == nil {
		t.Error("a second relay listens at the same address")
	}
	// Connections past a site's share are closed; those that end make room.
	var open []net.Conn
	for range maxQueriesPerSite + 1 {
		c, err := net.Dial("tcp", listen.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	last := open[maxQueriesPerSite]
	_ = last.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := last.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("connection %d of one site: %v", maxQueriesPerSite+1, err)
	}
	r.stop() // with connections open: it ends them, and waits
	if r.total != 0 || len(r.active) != 0 {
		t.Errorf("%d queries are left: %v", r.total, r.active)
	}
	r.stop()
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
