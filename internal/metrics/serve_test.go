package metrics

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/engine"
)

// served is a handler on a unix socket, and how to end it.
func served(t *testing.T, h *Handler) (socket string, end func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "metrics.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, l) }()
	ended := false
	end = func() {
		if cancel(); !ended {
			ended = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(end)
	return socket, end
}

// Readers who never read hold up nobody but themselves, and not the end.
func TestSlowReaders(t *testing.T) {
	h := newHandler(func(context.Context) (engine.Metrics, error) { return busy(), nil })
	socket, end := served(t, h)
	for range connections - 1 {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") // and never a read
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%+v, %v", res, err)
	}
	// One more than there may be is not accepted, and waits in the kernel until it gives up or another leaves.
	more, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer more.Close()
	io.WriteString(more, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
	c.Close()
	if err := more.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if res, err := http.ReadResponse(bufio.NewReader(more), nil); err != nil || res.StatusCode != 200 {
		t.Fatalf("%+v, %v", res, err)
	}
	end()
}
