package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/server"
	"github.com/logis-project/logis/internal/server/servertest"
)

// testGroup stands for group logis.
const testGroup = 64200

// connectAs connects as another user: the kernel notes who a thread is when that calls connect(2).
func connectAs(t *testing.T, socket string, uid, gid uint32, groups ...uint32) net.Conn {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	for dir := filepath.Dir(socket); dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(socket, 0o666); err != nil { // so that only the server is left to refuse
		t.Fatal(err)
	}
	type result struct {
		c   net.Conn
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		groups := append(groups, 0)
		for _, call := range [][4]uintptr{
			{unix.SYS_SETGROUPS, uintptr(len(groups) - 1), uintptr(unsafe.Pointer(&groups[0]))},
			{unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)},
			{unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
		} {
			if _, _, errno := unix.RawSyscall(call[0], call[1], call[2], call[3]); errno != 0 {
				done <- result{nil, errno}
				return
			}
		}
		c, err := net.Dial("unix", socket)
		done <- result{c, err}
	}()
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { r.c.Close() })
	return r.c
}

func TestPeersGroups(t *testing.T) {
	many := make([]uint32, 100) // more than are read at first
	for i := range many {
		many[i] = uint32(70000 + i)
	}
	for name, tc := range map[string]struct {
		group    int
		uid, gid uint32
		groups   []uint32
		allowed  bool
	}{
		"root":                    {testGroup, 0, 0, nil, true},
		"root in other groups":    {testGroup, 0, 4, []uint32{4}, true},
		"root, without a group":   {0, 0, 0, nil, true},
		"by primary group":        {testGroup, 64301, testGroup, nil, true},
		"by supplementary group":  {testGroup, 64301, 64301, []uint32{4, testGroup}, true},
		"last of many groups":     {testGroup, 64301, 64301, append(many, testGroup), true},
		"no member":               {testGroup, 64301, 64301, nil, false},
		"no member, many groups":  {testGroup, 64301, 64301, many, false},
		"root's group":            {testGroup, 64301, 0, []uint32{0}, false},
		"root's group, no group":  {0, 64301, 0, []uint32{0}, false},
		"uid that is the group's": {testGroup, testGroup, 64301, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if os.Getuid() != 0 {
				t.Skip("needs root, to be somebody else")
			}
			m := servertest.New()
			socket, _ := serveGroup(t, server.Options{Engine: m, Log: slog.New(slog.DiscardHandler), Group: tc.group})
			for _, request := range []struct{ method, path string }{
				{"GET", "/v1/sites"}, {"POST", "/v1/host/up"}, {"GET", "/openapi.json"}, {"GET", "/no/route"},
			} {
				status, message := ask(t, connectAs(t, socket, tc.uid, tc.gid, tc.groups...), request.method, request.path)
				if (status != http.StatusForbidden) != tc.allowed {
					t.Errorf("%s %s: %d %s", request.method, request.path, status, message)
				}
				if !tc.allowed && (!strings.HasPrefix(message, "read access refused") || strings.Contains(message, "\n")) {
					t.Errorf("refused with %q", message)
				}
			}
		})
	}
}

// serveGroup is servertest.ServeWith where group 0 stays.
func serveGroup(t *testing.T, o server.Options) (socket string, stop func()) {
	t.Helper()
	if o.Group == 0 {
		o.Group = -1
	}
	return servertest.ServeWith(t, o)
}

// ask sends one request on c, and returns its status and the message of an error.
func ask(t *testing.T, c net.Conn, method, path string) (status int, message string) {
	t.Helper()
	var once sync.Once
	h := http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (conn net.Conn, err error) {
		err = net.ErrClosed
		once.Do(func() { conn, err = c, nil })
		return conn, err
	}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://logisd"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var e api.Error
	if resp.StatusCode >= 400 {
		if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
			t.Errorf("%s %s: %s: %v", method, path, resp.Status, err)
		}
	}
	return resp.StatusCode, e.Message
}

// TestRefusalsAreBounded: who is refused cannot fill the log.
func TestRefusalsAreBounded(t *testing.T) {
	var log bytes.Buffer
	socket, stop := serveGroup(t, server.Options{
		Engine: servertest.New(), Log: slog.New(slog.NewTextHandler(&log, nil)), Group: testGroup,
	})
	for range 200 {
		if status, _ := ask(t, connectAs(t, socket, 64301, 64301), "GET", "/"+strings.Repeat("x", 10_000)); status != 403 {
			t.Fatal(status)
		}
	}
	stop()
	if n := strings.Count(log.String(), "\n"); n == 0 || n > 10 || log.Len() > 10_000 {
		t.Errorf("%d lines, %d bytes", n, log.Len())
	}
}

// TestQuota: what one user has too much of is refused, and neither another user nor root feels it.
func TestQuota(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", "running"))
	socket, _ := serveGroup(t, server.Options{
		Engine: m, Log: slog.New(slog.DiscardHandler), Group: testGroup, Limits: server.Limits{Connections: 16, Streams: 8, Calls: 8},
	})
	member := func(uid uint32) net.Conn { return connectAs(t, socket, uid, testGroup) }

	for range 4 { // a quarter of 16: each is asked on, so that it is accepted
		c := member(64301)
		if _, err := c.Write([]byte("GET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if status, message := ask(t, member(64301), "GET", "/v1/version"); status != 429 ||
		message != "too many connections at once for user 64301: try again when some have ended" {
		t.Errorf("one too many: %d %s", status, message)
	}
	if status, message := ask(t, member(64302), "GET", "/v1/version"); status != 200 {
		t.Errorf("another user: %d %s", status, message)
	}
	if status, message := ask(t, connectAs(t, socket, 0, 0), "GET", "/v1/version"); status != 200 {
		t.Errorf("root: %d %s", status, message)
	}
	// Refusals wait for nobody: those beyond a few are closed, and then those who went have their place back.
	var silent []net.Conn
	for range 40 {
		silent = append(silent, member(64301))
	}
	if status, message := ask(t, member(64302), "GET", "/v1/version"); status != 200 {
		t.Errorf("another user, under a flood: %d %s", status, message)
	}
	for _, c := range silent {
		c.Close()
	}
}
