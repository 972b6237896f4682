package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/server"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// serveLimits serves m with these limits, and returns a new connection to it with each call.
func serveLimits(t *testing.T, m *servertest.Engine, l server.Limits) (socket string, connect func() net.Conn) {
	t.Helper()
	socket, _ = servertest.ServeWith(t, server.Options{Engine: m, Log: slog.New(slog.DiscardHandler), Limits: l})
	return socket, func() net.Conn {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // a server that waits for ever fails the test
		return c
	}
}

func TestSlowHeader(t *testing.T) {
	_, connect := serveLimits(t, servertest.New(), server.Limits{Header: 50 * time.Millisecond})
	for _, said := range []string{"", "GET /v1/sites HTTP/1.1\r\nHost: x\r\n"} {
		c := connect()
		_, _ = io.WriteString(c, said)
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: the server still waits for the rest", said)
		}
	}
}

func TestSlowBody(t *testing.T) {
	_, connect := serveLimits(t, servertest.New(), server.Limits{Body: 50 * time.Millisecond})
	for _, tc := range []struct{ route, want string }{
		{"POST /v1/sites", "408 "},
		{"GET /v1/sites", "200 "}, // whose body nobody reads
		{"POST /no/route", "404 "},
		{"POST /v1/sites/a/start", "404 "},
	} {
		c := connect()
		_, _ = fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", tc.route)
		answer, err := io.ReadAll(c)
		if errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(answer), "HTTP/1.1 "+tc.want) {
			t.Errorf("%s: %v %s", tc.route, err, answer)
		}
	}
}

// TestBodyThatComesInTime: no deadline is left behind that would cancel what runs.
func TestBodyThatComesInTime(t *testing.T) {
	m := servertest.New()
	m.Hold = make(chan struct{})
	socket, _ := serveLimits(t, m, server.Limits{Body: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	c := client.New(socket)
	defer c.Close()
	go c.Create(ctx, api.CreateRequest{Name: "alice"})
	<-m.Hold
	select {
	case err := <-m.Freed:
		t.Errorf("cancelled by its own body's deadline: %v", err)
	case <-time.After(150 * time.Millisecond): // the deadline would have passed
	}
	cancel()
	<-m.Freed
}

func TestStalledImport(t *testing.T) {
	_, connect := serveLimits(t, servertest.New(), server.Limits{Body: 20 * time.Millisecond, Stall: 100 * time.Millisecond})
	c := connect()
	_, _ = io.WriteString(c, "POST /v1/images/import HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	for range 30 { // longer than either limit in all
		if _, err := io.WriteString(c, "half of it"); err != nil {
			t.Fatalf("an archive that comes slowly is refused: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	answer, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), "the archive stalled") {
		t.Errorf("%v %s", err, answer)
	}
}

// TestClientThatDoesNotRead: neither an answer nor a session that nobody takes holds logisd.
func TestClientThatDoesNotRead(t *testing.T) {
	t.Run("build", func(t *testing.T) {
		m := servertest.New()
		ended := make(chan error, 1)
		m.Build = func(ctx context.Context, report func(engine.Progress)) error {
			for ctx.Err() == nil { // a build that says a lot
				report(engine.Progress{Step: "unpack", Detail: strings.Repeat("x", 4000)})
			}
			ended <- ctx.Err()
			return ctx.Err()
		}
		_, connect := serveLimits(t, m, server.Limits{Stall: 50 * time.Millisecond})
		_, _ = io.WriteString(connect(), "POST /v1/images/a/build HTTP/1.1\r\nHost: x\r\n\r\n")
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("the build still waits for a reader")
		}
	})
	t.Run("exec", func(t *testing.T) {
		m := servertest.New()
		m.Put(servertest.StatusOf("alice", site.Running))
		full := make(chan struct{})
		m.Session = func(_ context.Context, _ string, inside net.Conn, _ any) {
			out := frame.NewWriter(inside)
			_, _, _ = frame.Read(inside)
			for { // until there is no room on the way
				_ = inside.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
				if out.Write(frame.Stdout, make([]byte, 32<<10)) != nil {
					break
				}
			}
			close(full)
		}
		socket, stop := servertest.Serve(t, m)
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "POST /v1/sites/alice/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "+api.ExecProtocol+
			"\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"+`{"command":["true"]}`)
		head := make([]byte, len("HTTP/1.1 101"))
		if _, err := io.ReadFull(c, head); err != nil || string(head) != "HTTP/1.1 101" {
			t.Fatalf("%s %v", head, err)
		}
		_ = frame.NewWriter(c).Write(frame.Stdin, []byte("go"))
		<-full
		ended := make(chan struct{})
		go func() { defer close(ended); stop() }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("logisd cannot end while a client does not read")
			c.Close()
		}
	})
}

// TestRequestsAtWork: one too many is told so, and when one has ended there is room.
func TestRequestsAtWork(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	socket, _ := serveLimits(t, m, server.Limits{Calls: 4, Streams: 4})
	most := 1 // of a user
	if os.Getuid() == 0 {
		most = 4
	}
	c := client.New(socket)
	defer c.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	arrived := make(chan struct{}, most)
	m.OnShow = func(site.Status) { arrived <- struct{}{} }
	for range most {
		waiting.Go(func() { _, _ = c.Wait(ctx, "alice", "stopped", 0) })
		<-arrived
	}
	_, err := c.Sites(t.Context())
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeFailed || !strings.HasPrefix(e.Message, "too many requests at once for user ") {
		t.Errorf("one too many: %v", err)
	}
	if err := c.Events(t.Context(), client.EventsOptions{Lines: 1}, func(api.Event) error { return nil }); err != nil {
		t.Errorf("a stream, of which there is none yet: %v", err)
	}
	cancel()
	waiting.Wait()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) { //nolint:forbidigo // announced by nothing
		if _, err = c.Sites(t.Context()); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		t.Errorf("when they have ended: %v", err)
	}
}

func TestPanicEndsTheRequestAlone(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	m.OnShow = func(site.Status) { panic("of the test") } //nolint:forbidigo // what the test is about
	m.Build = func(_ context.Context, report func(engine.Progress)) error {
		report(engine.Progress{Step: "one"})
		panic("after the answer has begun") //nolint:forbidigo // what the test is about
	}
	var log bytes.Buffer
	socket, stop := servertest.ServeWith(t, server.Options{Engine: m, Log: slog.New(slog.NewTextHandler(&log, nil))})
	c := client.New(socket)
	defer c.Close()
	_, err := c.Site(t.Context(), "alice")
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Code != api.CodeFailed || strings.Contains(e.Message, "of the test") {
		t.Errorf("Site = %v", err)
	}
	if _, err := c.BuildImage(t.Context(), "x", func(api.Progress) {}); err == nil {
		t.Error("half a build is taken for a whole one")
	}
	if _, err := c.Sites(t.Context()); err != nil {
		t.Errorf("the next request: %v", err)
	}
	stop()
	if got := log.String(); strings.Count(got, "this is a bug of logisd") != 2 || !strings.Contains(got, "of the test") || !strings.Contains(got, "limits_test.go") {
		t.Errorf("the log: %s", got)
	}
}

// TestArchiveTooLarge: one that says so itself is refused before its first byte.
func TestArchiveTooLarge(t *testing.T) {
	_, connect := serveLimits(t, servertest.New(), server.Limits{})
	c := connect()
	_, _ = io.WriteString(c, "POST /v1/images/import HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999\r\n\r\n")
	resp := make([]byte, 12)
	if _, err := io.ReadFull(c, resp); err != nil || !strings.HasPrefix(string(resp), "HTTP/1.1 413") {
		t.Errorf("%s %v: want %d at once", resp, err, http.StatusRequestEntityTooLarge)
	}
}
