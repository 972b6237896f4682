package proxy

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/route"
)

// rig is a proxy that runs, and logisd's end of its socket.
type rig struct {
	t         *testing.T
	addr      string // of the proxy
	dir       string
	publisher *route.Publisher
	access    syncBuffer
	stop      func() error // ends the proxy and waits for it
}

// syncBuffer is a bytes.Buffer that a server writes and a test reads.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newRig(t *testing.T, limits Limits) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.publish()
	r.start(limits)
	return r
}

func (r *rig) publish() {
	r.t.Helper()
	p, err := route.NewPublisher(route.Options{
		Socket: filepath.Join(r.dir, "proxy.sock"), UID: -1, GID: -1, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	p.Replace(nil)
	r.publisher = p
	r.t.Cleanup(func() { p.Close() })
}

func (r *rig) start(limits Limits) {
	r.t.Helper()
	listeners, err := Listen(r.t.Context(), "proxy.http", []string{"127.0.0.1:0"})
	if err != nil {
		r.t.Fatal(err)
	}
	r.addr = listeners[0].Addr().String()
	s := New(Options{
		HTTP: listeners, Socket: filepath.Join(r.dir, "proxy.sock"), StateDir: r.dir,
		AccessLog: &r.access, Log: slog.New(slog.DiscardHandler), Limits: limits,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-done })
	r.t.Cleanup(func() {
		if err := r.stop(); err != nil {
			r.t.Error(err)
		}
	})
}

// site starts a web server and publishes it as name.localhost.
func (r *rig) site(name string, h http.HandlerFunc) *httptest.Server {
	r.t.Helper()
	up := httptest.NewServer(h)
	r.t.Cleanup(up.Close)
	r.set(name, up.Listener.Addr().String(), route.Up)
	return up
}

// poll returns when done says yes, and fails the test where that is not soon. It is for what nothing announces.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still waiting until %s", what)
		}
	}
}

func (r *rig) awaitConnected() {
	r.t.Helper()
	poll(r.t, "the proxy is connected", r.publisher.Connected)
}

func (r *rig) set(name, upstream string, state route.State) {
	r.t.Helper()
	r.awaitConnected()
	err := r.publisher.Set(r.t.Context(), route.Route{
		Site: name, Domains: []string{name + ".localhost"}, Upstream: netip.MustParseAddrPort(upstream), State: state,
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// get asks the proxy for host and path, with further headers as name and value.
func (r *rig) get(host, path string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	return r.do(http.MethodGet, host, path, nil, headers...)
}

func (r *rig) do(method, host, path string, body io.Reader, headers ...string) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://"+r.addr+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Host = host
	for i := 0; i < len(headers); i += 2 {
		req.Header[headers[i]] = append(req.Header[headers[i]], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res, string(content)
}

// dial opens a connection to the proxy and sends text, its lines ended as in HTTP.
func (r *rig) dial(text string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		r.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// accessLog ends the proxy and returns what it logged.
func (r *rig) accessLog() string {
	r.t.Helper()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := r.stop(); err != nil {
		r.t.Fatal(err)
	}
	return r.access.String()
}
