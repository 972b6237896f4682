package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestFarewell: who has connected before the proxy is told to end gets an answer to a request that comes a moment later.
func TestFarewell(t *testing.T) {
	r := newRig(t, Limits{Farewell: 20 * time.Second})
	fresh, freshIn := r.dial("")
	kept, keptIn := r.dial("GET / HTTP/1.1\nHost: nobody.localhost\n\n")
	read := func(what string, in *bufio.Reader) *http.Response {
		t.Helper()
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return resp
	}
	read("the first request", keptIn) // which was accepted after the fresh one
	ended := make(chan error, 1)
	go func() { ended <- r.stop() }()
	poll(t, "nobody listens", func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	_, _ = io.WriteString(fresh, "GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n")
	_, _ = io.WriteString(kept, "GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n")
	for what, in := range map[string]*bufio.Reader{"a new connection": freshIn, "a kept connection": keptIn} {
		if resp := read(what, in); resp.StatusCode != http.StatusNotFound || !resp.Close {
			t.Errorf("%s: %s, close %v", what, resp.Status, resp.Close)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
