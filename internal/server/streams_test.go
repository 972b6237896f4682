package server_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/server/servertest"
)

// echo is a PID 1 that answers input in capitals until its end, then exits 7.
func echo(_ context.Context, _ string, inside net.Conn, req any) {
	out := frame.NewWriter(inside)
	_ = out.Write(frame.Stderr, []byte(strings.Join(req.(control.Exec).Command, " ")))
	for {
		t, p, err := frame.Read(inside)
		switch {
		case err != nil:
			return
		case t == frame.Stdin && len(p) == 0:
			_ = out.Write(frame.Exit, []byte{7})
			return
		case t == frame.Stdin:
			_ = out.Write(frame.Stdout, bytes.ToUpper(p))
		case t == frame.Resize:
			rows, cols, _ := frame.ParseResize(p)
			_ = out.Write(frame.Stdout, []byte{'w', byte(rows), byte(cols)})
		case t == frame.Signal:
			_ = out.Write(frame.Stdout, []byte{'s', p[0]})
		}
	}
}

func TestExec(t *testing.T) {
	m := servertest.New()
	m.Session = echo
	c := dial(t, m)
	create(t, c, "alice")

	s, err := c.Exec(t.Context(), "alice", api.ExecRequest{Command: []string{"cat", "-"}, User: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	big := strings.Repeat("x", 3*frame.MaxPayload)
	go func() {
		_, _ = io.WriteString(s, "hello ")
		_ = s.Resize(50, 100)
		_ = s.Signal(syscall.SIGINT)
		_, _ = io.WriteString(s, big)
		_ = s.CloseStdin()
	}()
	var stdout, stderr bytes.Buffer
	status, err := s.Wait(&stdout, &stderr)
	if err != nil || status != 7 {
		t.Errorf("Wait = %d, %v", status, err)
	}
	if d := cmp.Diff("HELLO w\x32\x64s\x02"+strings.ToUpper(big), stdout.String()); d != "" {
		t.Errorf("stdout (-want +got):\n%s", d)
	}
	if stderr.String() != "cat -" {
		t.Errorf("stderr = %q", stderr.String())
	}
}

// TestExecHangsUp: the site's side sees a client that leaves altogether, while nothing is written either way. PID 1 tells
// a hangup, which ends the command, from a half close, which ends its input, by POLLHUP.
func TestExecHangsUp(t *testing.T) {
	m := servertest.New()
	gone := make(chan error, 1)
	m.Session = func(_ context.Context, _ string, inside net.Conn, _ any) {
		if _, _, err := frame.Read(inside); !errors.Is(err, io.EOF) {
			gone <- err
			return
		}
		raw, err := inside.(syscall.Conn).SyscallConn()
		if err != nil {
			gone <- err
			return
		}
		_ = raw.Control(func(fd uintptr) {
			fds := []unix.PollFd{{Fd: int32(fd)}}
			n, err := unix.Poll(fds, 10_000)
			if n == 0 && err == nil {
				err = errors.New("no hangup in 10 s")
			}
			gone <- err
		})
	}
	c := dial(t, m)
	create(t, c, "alice")
	s, err := c.Exec(t.Context(), "alice", api.ExecRequest{Command: []string{"sleep"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if err := <-gone; err != nil {
		t.Error(err)
	}
}

// TestExecLastWords: what a command says as it ends arrives, however much input it leaves unread.
func TestExecLastWords(t *testing.T) {
	m := servertest.New()
	m.Session = func(_ context.Context, _ string, inside net.Conn, _ any) {
		_, _, _ = frame.Read(inside)
		_ = frame.NewWriter(inside).Write(frame.Exit, []byte{9})
	}
	c := dial(t, m)
	create(t, c, "alice")
	for range 50 {
		s, err := c.Exec(t.Context(), "alice", api.ExecRequest{Command: []string{"true"}})
		if err != nil {
			t.Fatal(err)
		}
		fed := make(chan struct{})
		go func() {
			defer close(fed)
			_, _ = io.Copy(s, io.LimitReader(zeros{}, 1<<20))
		}()
		if status, err := s.Wait(io.Discard, io.Discard); err != nil || status != 9 {
			t.Errorf("Wait = %d, %v", status, err)
		}
		_ = s.Close()
		<-fed
	}
}

func TestExecBrokenSite(t *testing.T) {
	for name, say := range map[string]func(net.Conn){
		"connection lost": func(c net.Conn) { _ = frame.NewWriter(c).Write(frame.Stdout, []byte("x")) },
		"giant frame":     func(c net.Conn) { _, _ = c.Write([]byte{'o', 0xff, 0xff, 0xff, 0xff}) },
		"unknown frame":   func(c net.Conn) { _, _ = c.Write([]byte{'?', 0, 0, 0, 0}) },
		"no status":       func(c net.Conn) { _ = frame.NewWriter(c).Write(frame.Exit, nil) },
		"not started": func(c net.Conn) {
			_ = frame.NewWriter(c).Write(frame.Error, []byte("no such program"))
			_ = frame.NewWriter(c).Write(frame.Exit, []byte{127})
		},
	} {
		m := servertest.New()
		m.Session = func(_ context.Context, _ string, inside net.Conn, _ any) { say(inside) }
		c := dial(t, m)
		create(t, c, "alice")
		s, err := c.Exec(t.Context(), "alice", api.ExecRequest{Command: []string{"x"}})
		if err != nil {
			t.Fatal(err)
		}
		status, err := s.Wait(io.Discard, io.Discard)
		var start *client.StartError
		if err == nil || errors.As(err, &start) != (name == "not started") {
			t.Errorf("%s: Wait = %d, %v", name, status, err)
		}
		_ = s.Close()
	}
}

// TestExecEarlyBytes: a client that does not wait for the 101 loses nothing.
func TestExecEarlyBytes(t *testing.T) {
	m := servertest.New()
	m.Session = echo
	socket, _ := servertest.Serve(t, m)
	c := client.New(socket)
	defer c.Close()
	create(t, c, "alice")
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"command":["x"]}`
	_, _ = io.WriteString(conn, "POST /v1/sites/alice/exec HTTP/1.1\r\nHost: l\r\nConnection: Upgrade\r\nUpgrade: logis-exec\r\n"+
		"Content-Type: application/json\r\nContent-Length: 17\r\n\r\n"+body+"i\x00\x00\x00\x02ab"+"i\x00\x00\x00\x00")
	_ = conn.(*net.UnixConn).CloseWrite() // half closed: the answer still comes
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(got, []byte("HTTP/1.1 101 ")) || !bytes.HasSuffix(got, []byte("o\x00\x00\x00\x02ABx\x00\x00\x00\x01\x07")) {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestLogs(t *testing.T) {
	m := servertest.New()
	ended := make(chan error, 1)
	m.Session = func(_ context.Context, _ string, inside net.Conn, req any) {
		r := req.(control.Logs)
		_ = control.Write(inside, control.LogLine{Time: "2026-01-02T03:04:05.5Z", Service: r.Service, Text: "<one>\x1b[2J"})
		_ = control.Write(inside, control.LogLine{Time: "yesterday", Service: r.Service, Text: "two"})
		if r.Follow {
			_, err := inside.Read(make([]byte, 1))
			ended <- err
		}
	}
	c := dial(t, m)
	create(t, c, "alice")
	want := []api.LogLine{
		{Time: servertest.Birth().Add(500 * time.Millisecond), Service: "nginx", Text: "<one>\x1b[2J"},
		{Service: "nginx", Text: "two"},
	}
	var got []api.LogLine
	if err := c.Logs(t.Context(), "alice", client.LogsOptions{Service: "nginx", Lines: 5}, func(l api.LogLine) error {
		got = append(got, l)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}

	// Following: lines arrive while it goes on, and leaving closes the site's side.
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	err := c.Logs(ctx, "alice", client.LogsOptions{Follow: true}, func(api.LogLine) error {
		if seen++; seen == 2 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Logs = %v", err)
	}
	<-ended
}

func TestLogsFromALiar(t *testing.T) {
	for _, lie := range []string{"\xff\xff\xff\xff", "\x00\x00\x00\x02no", "\x00\x00\x00\x09{}"} {
		m := servertest.New()
		m.Session = func(_ context.Context, _ string, inside net.Conn, _ any) { _, _ = io.WriteString(inside, lie) }
		c := dial(t, m)
		create(t, c, "alice")
		err := c.Logs(t.Context(), "alice", client.LogsOptions{}, func(api.LogLine) error { return nil })
		if err == nil {
			t.Errorf("%q was taken for a whole log", lie)
		}
	}
}

// TestStoppingClosesStreams: neither a session nor a followed log keeps the server from ending.
func TestStoppingClosesStreams(t *testing.T) {
	m := servertest.New()
	m.Session = func(_ context.Context, _ string, inside net.Conn, _ any) {
		_, _ = bufio.NewReader(inside).ReadByte()
	}
	socket, stop := servertest.Serve(t, m)
	c := client.New(socket)
	defer c.Close()
	create(t, c, "alice")
	s, err := c.Exec(t.Context(), "alice", api.ExecRequest{Command: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	begin := time.Now()
	stop()
	if time.Since(begin) > 4*time.Second {
		t.Error("the session was waited for")
	}
	if _, err := s.Wait(io.Discard, io.Discard); err == nil {
		t.Error("the session ended as if the command had")
	}
}

func TestImages(t *testing.T) {
	m := servertest.New()
	c := dial(t, m)
	ctx := t.Context()
	var steps []api.Progress
	built, err := c.BuildImage(ctx, "lemp", func(p api.Progress) { steps = append(steps, p) })
	if err != nil {
		t.Fatal(err)
	}
	want := api.Image{Name: "lemp", Digest: "0123456789ab", Suite: "bookworm", SizeBytes: 400 << 20, Packages: 200, BuiltAt: servertest.Birth(), UsedBy: []string{}}
	if d := cmp.Diff(want, built); d != "" {
		t.Errorf("BuildImage (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]api.Progress{{Step: "debootstrap", Index: 1, Total: 2}, {Step: "scrub", Index: 2, Total: 2, Detail: "logs"}}, steps); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
	if _, err := c.BuildImage(ctx, "broken", func(api.Progress) {}); code(err) != api.CodeFailed || !strings.Contains(err.Error(), "\nE: no mirror") {
		t.Errorf("a broken build: %v", err)
	}
	if all, err := c.Images(ctx); err != nil || len(all) != 1 {
		t.Errorf("Images = %v, %v", all, err)
	}
	if i, err := c.Image(ctx, "lemp"); err != nil || i.Name != "lemp" {
		t.Errorf("Image = %v, %v", i, err)
	}
	var file bytes.Buffer
	if err := c.ExportImage(ctx, "lemp", &file); err != nil || file.String() != "archive of lemp" {
		t.Errorf("ExportImage = %q, %v", file.String(), err)
	}
	if err := c.ExportImage(ctx, "none", &file); code(err) != api.CodeNotFound {
		t.Errorf("ExportImage of none = %v", err)
	}
	m.PutImage("half")
	if err := c.ExportImage(ctx, "half", io.Discard); err == nil || code(err) != "" {
		t.Errorf("half an archive: %v", err)
	}
	// Past the limit of JSON bodies, and of unknown length.
	if i, err := c.ImportImage(ctx, io.LimitReader(zeros{}, 5<<20), 0, nil); err != nil || i.SizeBytes != 5<<20 {
		t.Errorf("ImportImage = %v, %v", i, err)
	}
	if err := c.RemoveImage(ctx, "lemp"); err != nil {
		t.Errorf("RemoveImage: %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func create(t *testing.T, c *client.Client, name string) {
	t.Helper()
	if _, err := c.Create(t.Context(), api.CreateRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
}
