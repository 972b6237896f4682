package route

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// peer is a proxy as the publisher sees it.
type peer struct {
	t     *testing.T
	conn  net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, socket string) *peer {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &peer{t, conn, bufio.NewReader(conn)}
}

func (p *peer) next() Message {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	m, err := ParseMessage([]byte(strings.TrimSuffix(line, "\n")))
	if err != nil {
		p.t.Fatal(err)
	}
	return m
}

// table reads a whole table, acknowledges it and returns its sites.
func (p *peer) table() []string {
	p.t.Helper()
	if m := p.next(); m.Op != Begin {
		p.t.Fatalf("table begins with %q", m.Op)
	}
	sites := []string{}
	for {
		switch m := p.next(); m.Op {
		case Set:
			sites = append(sites, m.Route.Site)
		case End:
			p.ack(m.Seq)
			return sites
		default:
			p.t.Fatalf("%q in a table", m.Op)
		}
	}
}

func (p *peer) ack(seq uint64) { p.say(string(Reply{Ack: seq}.Encode(nil))) }

func (p *peer) say(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, s); err != nil {
		p.t.Fatal(err)
	}
}

// waitClosed returns when the publisher has ended the connection.
func (p *peer) waitClosed() {
	p.t.Helper()
	if _, err := io.Copy(io.Discard, p.lines); errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("still connected")
	}
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

func publisher(t *testing.T, change func(*Options)) (*Publisher, string) {
	t.Helper()
	opts := Options{
		Socket: filepath.Join(t.TempDir(), "run", "proxy.sock"), UID: -1, GID: -1, Log: slog.New(slog.DiscardHandler),
		AckTimeout: time.Minute, SnapshotTimeout: time.Minute, // no test waits this long
	}
	if change != nil {
		change(&opts)
	}
	p, err := NewPublisher(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, opts.Socket
}

func TestPublish(t *testing.T) {
	p, socket := publisher(t, nil)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("socket: mode %v, %v", info.Mode(), err)
	}
	peer := dial(t, socket) // before there is a table
	p.Replace([]Route{testRoute("bob", "10.83.0.3:80"), testRoute("alice", "10.83.0.2:80"), {Site: "broken"}})
	if diff := cmp.Diff([]string{"alice", "bob"}, peer.table()); diff != "" {
		t.Fatal(diff)
	}

	set := make(chan error, 1)
	carol := testRoute("carol", "10.83.0.4:80")
	carol.Domains = []string{"Carol.Example.:80"}
	go func() { set <- p.Set(t.Context(), carol) }()
	m := peer.next()
	if m.Op != Set || m.Seq != 5 || m.Route.Domains[0] != "carol.example" {
		t.Fatalf("got %+v %+v", m, m.Route)
	}
	select {
	case err := <-set:
		t.Fatalf("Set returned before the ack: %v", err)
	default:
	}
	peer.ack(m.Seq)
	if err := <-set; err != nil {
		t.Fatal(err)
	}
	if !p.Connected() {
		t.Error("not connected")
	}

	go func() { set <- p.Delete(t.Context(), "alice") }()
	if m = peer.next(); m.Op != Delete || m.Site != "alice" {
		t.Fatalf("got %+v", m)
	}
	peer.ack(m.Seq)
	if err := <-set; err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(t.Context(), "alice"); err != nil { // nobody is asked
		t.Fatal(err)
	}

	again := dial(t, socket) // while the first is still there
	if diff := cmp.Diff([]string{"bob", "carol"}, again.table()); diff != "" {
		t.Fatal(diff)
	}
	go func() { set <- p.Set(t.Context(), testRoute("dan", "10.83.0.5:80")) }()
	peer.ack(peer.next().Seq)
	again.ack(again.next().Seq)
	if err := <-set; err != nil {
		t.Fatal(err)
	}
}

func TestNoProxy(t *testing.T) {
	p, _ := publisher(t, nil)
	p.Replace(nil)
	if p.Connected() {
		t.Error("connected to nobody")
	}
	if err := p.Set(t.Context(), testRoute("alice", "10.83.0.2:80")); err != nil {
		t.Error(err)
	}
	if err := p.Set(t.Context(), Route{Site: "alice"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("an empty route gave %v", err)
	}
	many := testRoute("alice", "10.83.0.2:80")
	for i := range 2000 {
		many.Domains = append(many.Domains, fmt.Sprintf("%d.%s.example", i, strings.Repeat("a", 200)))
	}
	if err := p.Set(t.Context(), many); !errors.Is(err, ErrInvalid) {
		t.Errorf("a route past the bound gave %v", err)
	}
	if err := p.Delete(t.Context(), "nobody"); err != nil {
		t.Error(err)
	}
}

// A table is not sent before logisd knows it: an empty one would take every site off the proxy at each boot.
func TestNothingBeforeReplace(t *testing.T) {
	p, socket := publisher(t, nil)
	peer := dial(t, socket)
	poll(t, "the proxy is admitted", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.sessions) > 0
	})
	if err := p.Set(t.Context(), testRoute("early", "10.83.0.9:80")); err != nil {
		t.Fatal(err)
	}
	p.Replace([]Route{testRoute("alice", "10.83.0.2:80")})
	if diff := cmp.Diff([]string{"alice"}, peer.table()); diff != "" {
		t.Fatal(diff)
	}
}

func TestHangingProxyIsDropped(t *testing.T) {
	p, socket := publisher(t, func(o *Options) { o.AckTimeout = 20 * time.Millisecond })
	p.Replace(nil)
	peer := dial(t, socket)
	peer.table()
	poll(t, "the proxy is connected", p.Connected)
	if err := p.Set(t.Context(), testRoute("alice", "10.83.0.2:80")); err != nil {
		t.Fatal(err)
	}
	peer.waitClosed()
	if diff := cmp.Diff([]string{"alice"}, dial(t, socket).table()); diff != "" {
		t.Fatal(diff)
	}
}

func TestTableNeverAcknowledged(t *testing.T) {
	p, socket := publisher(t, func(o *Options) { o.SnapshotTimeout = 20 * time.Millisecond })
	p.Replace(nil)
	dial(t, socket).waitClosed()
}

func TestSetEndsWithContext(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace(nil)
	peer := dial(t, socket)
	peer.table()
	ctx, cancel := context.WithCancel(t.Context())
	set := make(chan error, 1)
	go func() { set <- p.Set(ctx, testRoute("alice", "10.83.0.2:80")) }()
	peer.next()
	cancel()
	if err := <-set; !errors.Is(err, context.Canceled) {
		t.Fatalf("Set = %v", err)
	}
}

func TestHostileProxyIsDropped(t *testing.T) {
	lines := []string{"{\"ack\":1000}\n", "{\"ack\":2}\n{\"ack\":1}\n", strings.Repeat("x", MaxReply+1), "\n"}
	for _, line := range hostileLines {
		lines = append(lines, line+"\n")
	}
	p, socket := publisher(t, nil)
	p.Replace([]Route{testRoute("alice", "10.83.0.2:80")})
	for _, line := range lines {
		peer := dial(t, socket)
		peer.say(line)
		peer.waitClosed()
	}
	if got := dial(t, socket).table(); len(got) != 1 {
		t.Errorf("table %q", got)
	}
}

func TestOldestProxyGoes(t *testing.T) {
	p, socket := publisher(t, nil)
	p.Replace(nil)
	oldest := dial(t, socket)
	oldest.table()
	for range maxSessions {
		dial(t, socket).table()
	}
	oldest.waitClosed()
}

func TestStaleSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "proxy.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	p, err := NewPublisher(Options{Socket: socket, UID: -1, GID: -1, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p.Replace(nil)
	peer := dial(t, socket)
	peer.table()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	peer.waitClosed()
	if _, err := os.Lstat(socket); !os.IsNotExist(err) {
		t.Errorf("socket is still there: %v", err)
	}
	if err := p.Set(t.Context(), testRoute("alice", "10.83.0.2:80")); err != nil {
		t.Errorf("Set after Close: %v", err)
	}
}
