package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A successor is started by the program that runs, here this test.
func TestMain(m *testing.M) {
	if err := Become(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// script writes a shell script that stands for a new release.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logis-proxy")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func testSockets(t *testing.T, addresses ...string) []Socket {
	t.Helper()
	sockets, err := Listen(t.Context(), "proxy.http", addresses)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range sockets {
			s.Close()
		}
	})
	return sockets
}

// alive reports whether a process is there and has not ended.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// unread is a pipe for the counts of a predecessor.
func unread(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r
}

func TestSuccessor(t *testing.T) {
	said := filepath.Join(t.TempDir(), "said")
	t.Setenv("SAID", said)
	t.Setenv("LISTEN_PID", "1") // must not reach the successor
	sockets := testSockets(t, "127.0.0.1:0", "127.0.0.1:0")
	s := Successor{
		Path: script(t, `echo "$LISTEN_PID = $$" >"$SAID"
echo "$LISTEN_FDS $LISTEN_FDNAMES" "$@" $LOGIS_PROXY_SUCCESSOR >>"$SAID"
for fd in 3 4; do readlink /proc/self/fd/$fd >>"$SAID"; done
echo >&5
exec 5>&-
exec sleep 60`),
		Args: []string{"--config", "a b"}, Log: slog.New(slog.DiscardHandler),
	}
	pid, err := s.start(t.Context(), sockets, unread(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.Kill()
		p.Wait()
	}()
	data, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if diff := cmp.Diff([]string{fmt.Sprintf("%d = %[1]d", pid), "4 opened:opened:ready:counts --config a b"}, lines[:2]); diff != "" {
		t.Error(diff)
	}
	if len(lines) != 4 || !strings.HasPrefix(lines[2], "socket:") || !strings.HasPrefix(lines[3], "socket:") {
		t.Errorf("descriptors %q", lines)
	}

	// Else this process, once blocked in accept(2), would take a visitor after it has handed over.
	raw, err := sockets[0].SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("flags of the socket %#x, %v: it blocks", flags, err)
		}
	})
}

func TestFailingSuccessor(t *testing.T) {
	for name, test := range map[string]struct{ script, want string }{
		"fails":      {"exit 3", "it ended without serving (exit status 3)"},
		"ends":       {"exit 0", "it ended without serving (exit status 0)"},
		"hangs":      {"exec sleep 60", "it did not serve within 500ms (signal: terminated)"},
		"hangs hard": {"trap '' TERM\nwhile :; do sleep 0.1; done", "it did not serve within 500ms (signal: killed)"},
		"missing":    {"", "it ended without serving (exit status 1)"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Successor{Path: script(t, test.script), Patience: 500 * time.Millisecond, Log: slog.New(slog.DiscardHandler)}
			if test.script == "" {
				os.Remove(s.Path)
			}
			_, err := s.start(t.Context(), testSockets(t, "127.0.0.1:0"), unread(t))
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// A successor that serves after its predecessor was told to end must not stay.
func TestSuccessorOfTheStopped(t *testing.T) {
	said := filepath.Join(t.TempDir(), "said")
	t.Setenv("SAID", said)
	s := Successor{Path: script(t, `echo $$ >"$SAID.new" && mv "$SAID.new" "$SAID"`+"\nexec sleep 60"), Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	var pid int
	go func() {
		defer cancel()
		poll(t, "the successor runs", func() bool {
			data, err := os.ReadFile(said)
			if err == nil {
				_, err = fmt.Sscan(string(data), &pid)
			}
			return err == nil
		})
	}()
	_, err := s.start(ctx, nil, unread(t))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if alive(pid) {
		t.Errorf("process %d still runs", pid)
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestExecutable(t *testing.T) {
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "current")
	if err := os.Symlink(own, link); err != nil {
		t.Fatal(err)
	}
	for arg0, want := range map[string]string{link: link, "logis-proxy": own, "/bin/sh": own, "/nowhere/logis-proxy": own} {
		if got, err := Executable(arg0); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", arg0, got, err, want)
		}
	}
}
