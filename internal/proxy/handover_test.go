package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/route"
)

// relay is a proxy in this process that is replaced, again and again, by others on the same socket.
type relay struct {
	*rig
	socket  Socket
	log     syncBuffer
	replace chan os.Signal
	refuse  atomic.Pointer[error] // what comes of a hand-over, if not a successor
}

// runs starts a proxy on a descriptor of the socket of its own, as a process would have, and waits until it serves.
func (r *relay) runs(limits Limits, counts *os.File) (s *Server, ended <-chan error) {
	r.t.Helper()
	f, err := r.socket.dup()
	if err != nil {
		r.t.Fatal(err)
	}
	l, err := net.FileListener(f)
	f.Close()
	if err != nil {
		r.t.Fatal(err)
	}
	ready := make(chan struct{})
	s = New(Options{
		HTTP: []Socket{{l.(*net.TCPListener), nameOpened}}, Socket: filepath.Join(r.dir, "proxy.sock"), StateDir: r.dir,
		AccessLog: io.Discard, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Limits: limits,
		Ready: func() { close(ready) }, Replace: r.replace,
		Counts: counts,
		HandOver: func(_ context.Context, counts *os.File) error {
			if err := r.refuse.Load(); err != nil {
				return *err
			}
			r.runs(limits, another(r.t, counts))
			return nil
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		done <- s.Run(ctx)
	}()
	r.t.Cleanup(func() { cancel(); <-over })
	<-ready
	return s, done
}

// another is a descriptor of f for a process of its own.
func another(t *testing.T, f *os.File) *os.File {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := pollable(os.NewFile(uintptr(fd), nameCounts))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newRelay(t *testing.T, limits Limits) (r *relay, first *Server, ended <-chan error) {
	t.Helper()
	r = &relay{rig: &rig{t: t, dir: t.TempDir()}, replace: make(chan os.Signal)}
	r.publish()
	r.socket = testSockets(t, "127.0.0.1:0")[0]
	r.addr = r.socket.Addr().String()
	first, ended = r.runs(limits, nil)
	return r, first, ended
}

// ask sends a request over a kept connection and returns the answer.
func ask(t *testing.T, c net.Conn, in *bufio.Reader) *http.Response {
	t.Helper()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: alice.localhost\r\n\r\n")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "alice" {
		t.Fatalf("got %q, %v", body, err)
	}
	return res
}

func TestHandOver(t *testing.T) {
	r, first, ended := newRelay(t, Limits{})
	entered, leave := make(chan struct{}), make(chan struct{})
	r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/download" {
			io.WriteString(w, "half,")
			w.(http.Flusher).Flush()
			close(entered)
			<-leave
			io.WriteString(w, "half")
			return
		}
		io.WriteString(w, "alice")
	})
	kept, keptIn := r.dial("")
	if res := ask(t, kept, keptIn); res.Close {
		t.Error("a connection is not kept")
	}
	conn, download := r.dial("GET /download HTTP/1.1\nHost: alice.localhost\n\n")
	<-entered

	r.replace <- syscall.SIGUSR2
	poll(t, "the first leaves", first.serve.leaving.Load)
	for range 20 {
		c, in := r.dial("")
		if res := ask(t, c, in); res.Close {
			t.Error("the successor does not keep a connection")
		}
	}
	if res := ask(t, kept, keptIn); !res.Close {
		t.Error("a kept connection is not told to close")
	}
	select {
	case err := <-ended:
		t.Fatalf("ended with a request running: %v", err)
	default:
	}
	close(leave)
	res, err := http.ReadResponse(download, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "half,half" {
		t.Errorf("download %q, %v", body, err)
	}
	conn.Close()                    // it was promised before the hand-over that the connection is kept
	if err := <-ended; err != nil { // with its last connection, long before the bound
		t.Error(err)
	}
	if log := r.log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "level=ERROR") {
		t.Error(log)
	}
}

// At the bound nothing stays: WebSockets, silent connections and requests.
func TestHandOverBound(t *testing.T) {
	r, _, ended := newRelay(t, Limits{Drain: 4 * short})
	entered := make(chan struct{}, 1)
	r.site("alice", func(w http.ResponseWriter, req *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if req.URL.Path == "/ws" {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		}
		entered <- struct{}{}
		io.Copy(io.Discard, rw)
	})
	_, socket := r.dial("GET /ws HTTP/1.1\nHost: alice.localhost\nConnection: Upgrade\nUpgrade: websocket\n\n")
	<-entered
	_, request := r.dial("GET / HTTP/1.1\nHost: alice.localhost\n\n")
	<-entered
	_, silent := r.dial("")
	r.replace <- syscall.SIGUSR2
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, in := range []io.Reader{socket, request, silent} {
		ends(t, in)
	}
	if res, _ := r.get("nobody.localhost", "/"); res.StatusCode != 404 {
		t.Errorf("the successor: %d", res.StatusCode)
	}
}

func TestHandOverFails(t *testing.T) {
	r, first, _ := newRelay(t, Limits{Drain: 4 * short})
	broken := errors.New("it is broken")
	r.refuse.Store(&broken)
	r.replace <- syscall.SIGUSR2
	r.replace <- syscall.SIGUSR2 // is taken when the first has failed
	poll(t, "both have failed", func() bool { return strings.Count(r.log.String(), `goes on serving" err="it is broken"`) == 2 })
	if res, _ := r.get("nobody.localhost", "/"); res.StatusCode != 404 || res.Close {
		t.Errorf("got %d", res.StatusCode)
	}
	r.set("alice", "10.83.0.2:80", route.Stopped)
	poll(t, "a route reaches the disk again", func() bool {
		routes, _ := readRoutes(filepath.Join(r.dir, "routes.json"))
		return len(routes) == 1
	})
	r.refuse.Store(nil)
	r.replace <- syscall.SIGUSR2
	poll(t, "the first leaves", first.serve.leaving.Load)
}

// A successor knows at once what its predecessor knew, also what was not yet on disk, and the predecessor no longer writes.
func TestHandOverRoutes(t *testing.T) {
	r, first, ended := newRelay(t, Limits{})
	c, in := r.dial("GET / HTTP/1.1\nHost: nobody\n\n") // keeps the first
	r.set("alice", "10.83.0.2:80", route.Stopped)
	r.publisher.Close()
	r.replace <- syscall.SIGUSR2
	poll(t, "the first leaves", first.serve.leaving.Load)
	if res, _ := r.get("alice.localhost", "/"); res.StatusCode != 503 {
		t.Errorf("the successor does not know the route: %d", res.StatusCode)
	}
	file := filepath.Join(r.dir, "routes.json")
	os.Remove(file)
	first.table.set(route.Route{Site: "late", Upstream: netip.MustParseAddrPort("10.83.0.3:80")})
	first.store.changed()
	http.ReadResponse(in, nil)
	c.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the predecessor wrote routes.json")
	}
}

// A route that is set while a successor starts is known to it before its first visitor comes.
func TestRoutesBeforeVisitors(t *testing.T) {
	r := &relay{rig: &rig{t: t, dir: t.TempDir()}, replace: make(chan os.Signal)}
	var log syncBuffer
	p, err := route.NewPublisher(route.Options{
		Socket: filepath.Join(r.dir, "proxy.sock"), UID: -1, GID: -1, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r.socket = testSockets(t, "127.0.0.1:0")[0]
	serves := make(chan *Server)
	go func() {
		s, _ := r.runs(Limits{Routes: time.Minute}, nil)
		serves <- s
	}()
	poll(t, "it is connected", func() bool { return strings.Contains(log.String(), "connected") })
	select {
	case <-serves:
		t.Fatal("it serves without logisd's routes")
	case <-time.After(4 * short):
	}
	p.Replace([]route.Route{testRoute("alice", "alice.localhost")})
	if s := <-serves; s.table.lookup("alice.localhost") == nil {
		t.Error("it serves without a route")
	}
}

func TestPidFile(t *testing.T) {
	f := pidFile{filepath.Join(t.TempDir(), "pid"), slog.New(slog.DiscardHandler)}
	f.write()
	if data, err := os.ReadFile(f.path); err != nil || string(data) != strconv.Itoa(os.Getpid())+"\n" {
		t.Errorf("%q, %v", data, err)
	}
	f.remove()
	if _, err := os.Stat(f.path); err == nil {
		t.Error("it is still there")
	}
	os.WriteFile(f.path, []byte("1\n"), 0o644)
	f.remove()
	if _, err := os.Stat(f.path); err != nil {
		t.Error("another's is gone")
	}
}

func TestStaleFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".routes.json123", "routes.json", "other"} {
		os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600)
	}
	newStore(dir, newTestTable(), slog.New(slog.DiscardHandler)).load()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 || entries[0].Name() != "other" || entries[1].Name() != "routes.json" {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestSameAddress(t *testing.T) {
	for _, test := range []struct {
		socket, configured string
		want               bool
	}{
		{"[::]:80", ":80", true},
		{"0.0.0.0:80", ":80", true},
		{"[::]:80", "0.0.0.0:80", true},
		{"[::]:80", ":81", false},
		{"127.0.0.1:80", ":80", false},
		{"[::]:80", "127.0.0.1:80", false},
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true},
		{"[2001:db8::1]:80", "[2001:db8:0::1]:80", true},
		{"[fe80::1%lo]:80", "[fe80::1]:80", false},
		{"127.0.0.1:80", "127.0.0.1:0", false},
		{"127.0.0.1:80", "nonsense", false},
	} {
		got := sameAddress(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(test.socket)), test.configured)
		if got != test.want {
			t.Errorf("%s and %s: %v", test.socket, test.configured, got)
		}
	}
}

func TestInheritedSockets(t *testing.T) {
	var log bytes.Buffer
	sockets := testSockets(t, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0")
	in := &Inherited{log: slog.New(slog.NewTextHandler(&log, nil))}
	for i, name := range []string{nameHTTP, "LISTEN_FD_4", "https"} {
		in.sockets = append(in.sockets, Socket{sockets[i].TCPListener, name})
	}
	got, err := in.Listen(t.Context(), []string{sockets[1].Addr().String(), "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, s := range got {
		names = append(names, s.name)
		s.Close()
	}
	if strings.Join(names, " ") != "LISTEN_FD_4 http opened" {
		t.Errorf("took %q", names)
	}
	want := `level=WARN msg="closed a passed socket that the configuration does not name" name=https address=` + sockets[2].Addr().String()
	if !strings.Contains(log.String(), want) || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("log %s", log.String())
	}
	if err := sockets[2].Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the socket that is not configured is open: %v", err)
	}
}
