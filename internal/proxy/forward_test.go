package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/route"
)

func TestForward(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "%s %s %s", req.Method, req.Host, req.RequestURI)
	})
	for _, host := range []string{"alice.localhost", "ALICE.localhost:8080", "alice.localhost."} {
		for _, path := range []string{"/", "/a%2Fb/%7e?x=1;y=%zz&&", "//double//"} {
			res, body := r.get(host, path)
			if want := "GET " + host + " " + path; res.StatusCode != 200 || body != want {
				t.Errorf("got %d %q, want %q", res.StatusCode, body, want)
			}
		}
	}
	if res, body := r.do(http.MethodHead, "alice.localhost", "/", nil); res.StatusCode != 200 || body != "" {
		t.Errorf("HEAD: %d %q", res.StatusCode, body)
	}
	_, in := r.dial("GET http://alice.localhost/abs HTTP/1.1\nHost: other\nConnection: close\n\n")
	if answer, _ := io.ReadAll(in); !strings.Contains(string(answer), "GET alice.localhost /abs") {
		t.Errorf("absolute form: %q", answer)
	}
}

func TestKeepAlive(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) { io.WriteString(w, req.RemoteAddr) })
	c, in := r.dial("")
	var first string
	for i := range 20 {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: alice.localhost\r\n\r\n")
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		if i == 0 {
			first = string(body)
		} else if string(body) != first {
			t.Fatalf("request %d came over %s, the first over %s", i, body, first)
		}
	}
}

func TestForwardedHeaders(t *testing.T) {
	r := newRig(t, Limits{})
	var got http.Header
	r.site("alice", func(_ http.ResponseWriter, req *http.Request) { got = req.Header })
	r.get("alice.localhost", "/",
		"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Host", "evil", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "1",
		"X-Forwarded-Prefix", "/x", "X_Forwarded_For", "6.6.6.6", "x-forwarded_for", "6.6.6.6", "Forwarded", "for=6.6.6.6",
		"X-Real-IP", "6.6.6.6", "X_Real_Ip", "6.6.6.6", "Proxy", "http://evil", "Connection", "X-Forwarded-For, X-Drop, Upgrade",
		"X-Drop", "1", "X-Keep", "1", "Te", "gzip", "Upgrade", "h2c", "User-Agent", "test", "Accept-Encoding", "br")
	want := http.Header{
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"alice.localhost"}, "X-Forwarded-Proto": {"http"},
		"X-Keep": {"1"}, "User-Agent": {"test"}, "Accept-Encoding": {"br"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNoCompressionOfItsOwn(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) { io.WriteString(w, req.Header.Get("Accept-Encoding")) })
	_, in := r.dial("GET / HTTP/1.1\nHost: alice.localhost\nConnection: close\n\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); len(body) != 0 {
		t.Errorf("the site was asked for %q", body)
	}
}

// Each part of the answer must be with the visitor before the site goes on, with and without a known length.
func TestStreamDown(t *testing.T) {
	for _, length := range []string{"", "12"} {
		t.Run("length="+length, func(t *testing.T) {
			r := newRig(t, Limits{})
			read := make(chan struct{})
			r.site("alice", func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				for range 3 {
					io.WriteString(w, "part")
					w.(http.Flusher).Flush()
					<-read
				}
			})
			_, in := r.dial("GET / HTTP/1.1\nHost: alice.localhost\n\n")
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				part := make([]byte, 4)
				if _, err := io.ReadFull(res.Body, part); err != nil {
					t.Fatal(err)
				}
				read <- struct{}{}
			}
		})
	}
}

// Each part of a request must be with the site before the visitor goes on; trailers follow.
func TestStreamUp(t *testing.T) {
	r := newRig(t, Limits{})
	parts := make(chan string)
	var trailer http.Header
	r.site("alice", func(_ http.ResponseWriter, req *http.Request) {
		part := make([]byte, 4)
		for {
			if _, err := io.ReadFull(req.Body, part); err != nil {
				break
			}
			parts <- string(part)
		}
		trailer = req.Trailer
		close(parts)
	})
	c, in := r.dial("POST / HTTP/1.1\nHost: alice.localhost\nTransfer-Encoding: chunked\nTrailer: X-Sum\n\n")
	for range 3 {
		io.WriteString(c, "4\r\npart\r\n")
		if got := <-parts; got != "part" {
			t.Fatalf("got %q", got)
		}
	}
	io.WriteString(c, "0\r\nX-Sum: 42\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n")
	<-parts
	if res, err := http.ReadResponse(in, nil); err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	if diff := cmp.Diff(http.Header{"X-Sum": {"42"}}, trailer); diff != "" {
		t.Error(diff)
	}
}

func TestResponseTrailer(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
	})
	if res, body := r.get("alice.localhost", "/"); body != "body" || res.Trailer.Get("X-Sum") != "42" {
		t.Errorf("%q, trailer %v", body, res.Trailer)
	}
}

func TestExpectContinue(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/no" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		io.Copy(w, req.Body)
	})
	head := " HTTP/1.1\nHost: alice.localhost\nExpect: 100-continue\nContent-Length: 4\n\n"
	c, in := r.dial("POST /yes" + head)
	if line, _ := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("got %q before the body", line)
	}
	in.ReadString('\n')
	io.WriteString(c, "body")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(res.Body); string(body) != "body" {
		t.Errorf("got %q, %+v", body, res)
	}
	_, in = r.dial("POST /no" + head)
	if line, _ := in.ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 413 ") {
		t.Errorf("got %q", line)
	}
}

func TestWebSocket(t *testing.T) {
	r := newRig(t, Limits{Stall: short, Idle: short})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Upgrade") != "websocket" || req.Header.Get("Connection") != "Upgrade" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(c, rw)
	})
	c, in := r.dial("GET /ws HTTP/1.1\nHost: alice.localhost\nConnection: Upgrade\nUpgrade: websocket\n\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res, err)
	}
	for i := range 3 {
		if i == 2 {
			silence(4 * short) // well past the limits: a silent WebSocket stays
		}
		io.WriteString(c, "ping")
		pong := make([]byte, 4)
		if _, err := io.ReadFull(in, pong); err != nil || string(pong) != "ping" {
			t.Fatalf("echo %q, %v", pong, err)
		}
	}
	if log := r.accessLog(); !strings.Contains(log, `"GET /ws HTTP/1.1" 101 `) { // ends the WebSocket too
		t.Errorf("access log %q", log)
	}
}

// An answer that breaks off must not look complete.
func TestBrokenAnswer(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "part")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break off an answer
	})
	_, in := r.dial("GET / HTTP/1.1\nHost: alice.localhost\n\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%q was read to a clean end", body)
	}
}

func TestRestartedSite(t *testing.T) {
	r := newRig(t, Limits{})
	up := r.site("alice", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "one") })
	r.get("alice.localhost", "/")
	addr := up.Listener.Addr().String()
	r.set("alice", addr, route.Stopped)
	if res, _ := r.get("alice.localhost", "/"); res.StatusCode != 503 {
		t.Errorf("stopped: %d", res.StatusCode)
	}
	r.set("alice", addr, route.Up)
	if _, body := r.do(http.MethodPost, "alice.localhost", "/", strings.NewReader("x")); body != "one" {
		t.Errorf("started: %q", body)
	}
	if err := r.publisher.Delete(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if res, _ := r.get("alice.localhost", "/"); res.StatusCode != 404 {
		t.Errorf("destroyed: %d", res.StatusCode)
	}
}

func TestBusySite(t *testing.T) {
	r := newRig(t, Limits{PerSite: 1})
	entered, leave := make(chan struct{}), make(chan struct{})
	r.site("alice", func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-leave })
	r.site("bob", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "bob") })
	_, in := r.dial("GET / HTTP/1.1\nHost: alice.localhost\n\n")
	<-entered
	if res, _ := r.get("alice.localhost", "/"); res.StatusCode != 503 {
		t.Errorf("second request: %d", res.StatusCode)
	}
	if _, body := r.get("bob.localhost", "/"); body != "bob" {
		t.Errorf("the neighbour: %q", body)
	}
	close(leave)
	if res, err := http.ReadResponse(bufio.NewReader(in), nil); err != nil || res.StatusCode != 200 {
		t.Errorf("first request: %v, %v", res, err)
	}
}
