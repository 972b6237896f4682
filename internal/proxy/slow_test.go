package proxy

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// short is a limit for what is meant to run into it.
const short = 50 * time.Millisecond

// silence is a pause that the limits have to bear or to punish: nobody says anything for d.
func silence(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the time itself is what is tested: there is no event to wait for
}

// ends fails the test unless the proxy ends the connection; it returns what the proxy said before.
func ends(t *testing.T, in io.Reader) string {
	t.Helper()
	said, err := io.ReadAll(in)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection is still open")
	}
	return string(said)
}

func TestSlowHeaders(t *testing.T) {
	r := newRig(t, Limits{Header: short})
	_, in := r.dial("GET / HTTP/1.1\nHost: ")
	ends(t, in)
}

func TestIdle(t *testing.T) {
	r := newRig(t, Limits{Idle: short})
	_, in := r.dial("GET / HTTP/1.1\nHost: nobody\n\n")
	if said := ends(t, in); !strings.HasPrefix(said, "HTTP/1.1 404") {
		t.Errorf("got %q", said)
	}
}

func TestLongHeaders(t *testing.T) {
	r := newRig(t, Limits{})
	_, in := r.dial("GET / HTTP/1.1\nHost: nobody\nX: " + strings.Repeat("x", 80<<10) + "\n\n")
	if line, _ := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 431 ") {
		t.Errorf("got %q", line)
	}
}

func TestStalledUpload(t *testing.T) {
	r := newRig(t, Limits{Stall: short})
	r.site("alice", func(_ http.ResponseWriter, req *http.Request) { io.Copy(io.Discard, req.Body) })
	for _, host := range []string{"alice.localhost", "nobody.localhost"} {
		_, in := r.dial("POST / HTTP/1.1\nHost: " + host + "\nContent-Length: 100\n\nbegin")
		said := ends(t, in)
		if host == "alice.localhost" && !strings.HasPrefix(said, "HTTP/1.1 408 ") {
			t.Errorf("got %q", said)
		}
	}
}

func TestBadUpload(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(_ http.ResponseWriter, req *http.Request) { io.Copy(io.Discard, req.Body) })
	_, in := r.dial("POST / HTTP/1.1\nHost: alice.localhost\nTransfer-Encoding: chunked\n\nnonsense\n")
	if said := ends(t, in); !strings.HasPrefix(said, "HTTP/1.1 400 ") {
		t.Errorf("got %q", said)
	}
}

// A request that makes progress may take longer than the limit, and so may the site with its answer.
func TestSteadyUpload(t *testing.T) {
	r := newRig(t, Limits{Stall: 4 * short})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		n, _ := io.Copy(io.Discard, req.Body)
		silence(6 * short)
		if n == 10 && req.Context().Err() == nil {
			io.WriteString(w, "all")
		}
	})
	c, in := r.dial("POST / HTTP/1.1\nHost: alice.localhost\nContent-Length: 10\nConnection: close\n\n")
	for range 10 {
		silence(short)
		io.WriteString(c, "x")
	}
	if said := ends(t, in); !strings.HasSuffix(said, "all") {
		t.Errorf("got %q", said)
	}
}

// A visitor that does not read must not hold the site's answer for ever.
func TestStalledDownload(t *testing.T) {
	r := newRig(t, Limits{Stall: short})
	over := make(chan struct{})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		defer close(over)
		for block := make([]byte, 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	r.dial("GET / HTTP/1.1\nHost: alice.localhost\n\n")
	select {
	case <-over:
	case <-time.After(20 * time.Second):
		t.Fatal("the site is still writing")
	}
}

// A long answer with pauses longer than the limit arrives whole: time counts only while the visitor does not read.
func TestSlowSite(t *testing.T) {
	r := newRig(t, Limits{Stall: short})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			io.WriteString(w, "part")
			w.(http.Flusher).Flush()
			silence(2 * short)
		}
	})
	if _, body := r.get("alice.localhost", "/"); body != "partpartpart" {
		t.Errorf("got %q", body)
	}
}

func TestClientsBound(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := newGate(1, time.Minute, newVisitors(10, netip.Prefix{}, slog.New(slog.DiscardHandler)))
	gated := g.listener(l)
	if _, err := net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	c, err := gated.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error)
	go func() {
		for {
			_, err := gated.Accept()
			accepted <- err
			if err != nil {
				return
			}
		}
	}()
	if _, err := net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-accepted:
		t.Fatal("past the bound")
	default:
	}
	c.Close()
	c.Close() // frees one slot only
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
	gated.Close() // while Accept waits for a slot
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Fatal(err)
	}
}

func TestDrain(t *testing.T) {
	r := newRig(t, Limits{})
	entered, leave := make(chan struct{}), make(chan struct{})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		io.WriteString(w, "whole")
	})
	_, in := r.dial("GET / HTTP/1.1\nHost: alice.localhost\n\n")
	<-entered
	stopped := make(chan error)
	go func() { stopped <- r.stop() }()
	for { // until it takes no more
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			break
		}
		c.Close()
	}
	close(leave)
	if said := ends(t, in); !strings.HasSuffix(said, "whole") {
		t.Errorf("got %q", said)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestDrainEnds(t *testing.T) {
	r := newRig(t, Limits{Drain: short})
	entered := make(chan struct{})
	r.site("alice", func(_ http.ResponseWriter, req *http.Request) { close(entered); <-req.Context().Done() })
	_, in := r.dial("GET / HTTP/1.1\nHost: alice.localhost\n\n")
	<-entered
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	ends(t, in)
}
