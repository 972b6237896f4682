package guest

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/guest/control"
)

func TestParseService(t *testing.T) {
	got, err := ParseService("db", []byte(`
exec = ["/usr/sbin/mariadbd", "--user=${owner}"]
user = "${owner}"
needs = ["other"]
start_order = 3
start_grace = "5s"
stop_order = 10
stop_signal = "QUIT"
stop_timeout = "60s"
directories = [{path="/run/mysqld", user="mysql", mode="2755"}, {path="/run/${owner}"}]
environment = {HOME = "/home/${owner}"}
[ready]
command = ["mariadb", "-u", "${owner}"]
user = "${owner}"
path = "/run/${owner}/s.sock"
timeout = "90s"
`), "alice")
	if err != nil {
		t.Fatal(err)
	}
	want := Service{
		Name: "db", Exec: []string{"/usr/sbin/mariadbd", "--user=alice"}, User: "alice", Needs: []string{"other"},
		StartOrder: 3, StartGrace: Duration(5 * time.Second), StopOrder: 10, StopSignal: Signal(syscall.SIGQUIT), StopTimeout: Duration(time.Minute),
		Directories: []Directory{{Path: "/run/mysqld", User: "mysql", Mode: 0o2755}, {Path: "/run/alice", Mode: 0o755}},
		Environment: map[string]string{"HOME": "/home/alice"},
		Ready: Ready{
			Command: []string{"mariadb", "-u", "alice"}, User: "alice", Path: "/run/alice/s.sock", Timeout: Duration(90 * time.Second),
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestParseServiceErrors(t *testing.T) {
	const exec = "exec = [\"x\"]\n"
	for text, want := range map[string]string{
		"":                                     "exec: is missing",
		exec + "ecex = 1":                      `line 2: unknown key "ecex"`,
		exec + "ready.htp = \"127.0.0.1:80\"":  `line 2: unknown key "ready.htp"`,
		exec + "stop_signal = \"SIGTERM\"":     `"SIGTERM" is not a signal such as TERM or QUIT`,
		exec + "stop_timeout = \"11m\"":        `"11m" is not a duration such as 30s, of at most 10m`,
		exec + "ready.http = \"localhost:80\"": "ParseAddr",
		exec + "ready = {http = \"127.0.0.1:80\", user = \"x\"}":                 "ready: user belongs to mysql and command",
		exec + "ready.mysql = \"mysqld.sock\"":                                   `ready.mysql: "mysqld.sock" is not an absolute path`,
		exec + "ready = {http = \"127.0.0.1:80\", banner = \"127.0.0.1:22\"}":    "ready: only one of http, banner, mysql and command can be set",
		exec + "ready.path = \"/x\"":                                             "ready: path belongs to http, banner, mysql or command",
		exec + "ready.made = \"x\"":                                              `ready.made: "x" is not an absolute path`,
		exec + "ready = {http = \"127.0.0.1:80\", path = \"/x\", made = \"/y\"}": "ready: only one of path and made can be set",
		exec + "directories = [{path = \"run\"}]":                                `directories: "run" is not an absolute path`,
		exec + "directories = [{path = \"/run/x\", mode = \"999\"}]":             `"999" is not a mode such as 0755`,
		exec + "environment = {\"A=B\" = \"c\"}":                                 `environment: "A=B" cannot be set`,
	} {
		_, err := ParseService("s", []byte(text), "alice")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzParseService(f *testing.F) {
	f.Add([]byte("exec = [\"x\"]\nready = {http = \"127.0.0.1:80\"}\ndirectories = [{path = \"/run/x\", mode = \"755\"}]"))
	f.Add([]byte("exec = [\"${owner}\"]\n[environment]\nA = \"${owner}\"\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseService("s", text, "alice")
		if err == nil && (len(s.Exec) == 0 || s.StopTimeout <= 0 || time.Duration(s.StopTimeout) > maxTimeout) {
			t.Errorf("accepted %+v", s)
		}
	})
}

const somePasswd = `root:x:0:0:root:/root:/bin/bash
broken line
evil:x:-1:0::/:/bin/sh
none:x:4294967295:0::/:/bin/sh
33:x:7:7::/seven:/bin/sh
www:x:33:33:www:/var/www:/usr/sbin/nologin
`

func TestAccounts(t *testing.T) {
	dir := t.TempDir()
	a := accounts{passwd: filepath.Join(dir, "passwd"), group: filepath.Join(dir, "group")}
	for path, text := range map[string]string{
		a.passwd: somePasswd, a.group: "root:x:0:\nwww:x:33:www\nweb:x:50:x,www\nbad:x:z:www\nnot:x:51:wwww\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]account{
		"":    {"root", 0, 0, []uint32{0}, "/root", "/bin/bash"},
		"www": {"www", 33, 33, []uint32{33, 50}, "/var/www", "/usr/sbin/nologin"},
		"33":  {"33", 7, 7, []uint32{7}, "/seven", "/bin/sh"}, // a name goes before a number
		"7":   {"33", 7, 7, []uint32{7}, "/seven", "/bin/sh"},
		"99":  {"99", 99, 99, []uint32{99}, "/", ""},
	} {
		got, err := a.lookup(name)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(account{})); diff != "" || err != nil {
			t.Errorf("%q: %v %s", name, err, diff)
		}
	}
	for _, name := range []string{"evil", "none", "4294967295", "-1", "+1", "nobody", "broken line"} {
		if got, err := a.lookup(name); !errors.Is(err, errNoUser) {
			t.Errorf("%q: %+v, %v", name, got, err)
		}
	}
	if id, err := a.groupID("web"); id != 50 || err != nil {
		t.Errorf("group web: %d, %v", id, err)
	}
	if _, err := a.groupID("bad"); !errors.Is(err, errNoGroup) {
		t.Errorf("group bad: %v", err)
	}
}

func FuzzFindAccount(f *testing.F) {
	f.Add(somePasswd, "www")
	f.Add("a:b:0:0:::", "0")
	f.Fuzz(func(t *testing.T, passwd, name string) {
		if who, ok := findAccount(passwd, name); ok {
			if who.uid == 1<<32-1 || who.gid == 1<<32-1 || len(memberships(passwd, who)) > maxGroups {
				t.Errorf("%+v", who)
			}
		}
	})
}

func TestReadRegularIsBounded(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, "/dev/zero", dir} {
		if _, err := readRegular(path, 100); err == nil {
			t.Errorf("%s was read", path)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, 101), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readRegular(file, 100); err == nil {
		t.Error("101 bytes were read of at most 100")
	}
	if data, err := readRegular(file, 101); len(data) != 101 || err != nil {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

func TestParseSession(t *testing.T) {
	for line, want := range map[string]int{
		"12 (sh) S 1 12 11 0": 11, "12 (a) Z 1 2 3 (b) R 1 12 9 0": 9, "12 (sh) Z 1 12 11 0": -1, "": -1, "12 (sh) S 1": -1,
		"12 (": -1, "12 )": -1, "12 (sh) S 1 12 x": -1,
	} {
		got, ok := parseSession([]byte(line))
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
}

func TestSplitLines(t *testing.T) {
	long := strings.Repeat("x", maxLine+100)
	in := "one\r\n\ntwo\n" + long + "\nthree\n" + long[:maxLine] + "\nrest"
	want := []string{"one", "", "two", long[:maxLine], "three", long[:maxLine], "rest"}
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(in), "bytes": iotest.OneByteReader(strings.NewReader(in)), "error": iotest.DataErrReader(strings.NewReader(in)),
	} {
		var got []string
		splitLines(r, func(lines [][]byte) {
			for _, l := range lines {
				got = append(got, string(l))
			}
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func FuzzParseLogLine(f *testing.F) {
	f.Add("2026-11-22T21:02:00.123456789Z text")
	f.Add("no time")
	f.Fuzz(func(t *testing.T, line string) {
		l := parseLogLine("s", line)
		if err := control.Write(io.Discard, l); err != nil {
			t.Error(err)
		}
	})
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"nginx": true, "php8.2-fpm": true, "A_b@c": true, "": false, ".nginx": false, "-x": false, "a/b": false, "a b": false,
		"é": false, "@": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "a\x00": false, "[": false,
	} {
		if got := validName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestIsStatusLine(t *testing.T) {
	for line, want := range map[string]bool{
		"HTTP/1.1 200 OK": true, "HTTP/1.0 503 Service Unavailable": true, "HTTP/1.1 204": true, "HTTP/1.1 204 ": true,
		"HTTP/1.1 2000": false, "HTTP/1.1 20": false, "HTTP/1.1": false, "SSH-2.0-x": false, "": false, "HTTP/1.1 abc": false,
	} {
		if got := isStatusLine(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// The largest status there can be fits in one message.
func TestLargestStatusFits(t *testing.T) {
	b := newBoard()
	for range maxServices + 1 {
		b.add(control.Service{
			Name: strings.Repeat("n", 64), State: stateFailed, PID: 1 << 22, Restarts: 1 << 40, Error: strings.Repeat("<", 1000),
		})
	}
	status, _ := b.snapshot()
	if err := control.Write(io.Discard, status); err != nil {
		t.Error(err)
	}
	if got := oneLine("a\nb\x1b[31m\xffc"); got != "a b [31m c" {
		t.Errorf("%q", got)
	}
}

func TestMoveAsideFollowsNoLink(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "keep"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(other, filepath.Join(dir, "link")), os.MkdirAll(filepath.Join(dir, "a/b/c"), 0o700),
		os.Symlink(other, filepath.Join(dir, "a/link"))); err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		if err := os.WriteFile(filepath.Join(dir, strings.Repeat("f", i%200+1)+string(rune('a'+i/200))), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trash, err := moveAside(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(trash); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(other, "keep")); err != nil {
		t.Error(err)
	}
}

func TestCheckNeeds(t *testing.T) {
	all := []Service{{Name: "a"}, {Name: "b", Needs: []string{"a"}}, {Name: "c", Needs: []string{"c"}}, {Name: "d", Needs: []string{"c", "b"}}}
	names := []string{"a", "b", "c", "d"}
	for i, want := range []bool{true, true, false, true} {
		if err := checkNeeds(all[i], all, names); (err == nil) != want {
			t.Errorf("%s: %v", all[i].Name, err)
		}
	}
}

func TestLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var text bytes.Buffer
	for range 20000 {
		text.WriteString("0123456789 0123456789\n")
	}
	text.WriteString("last\nhalf")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lastLines(path, 2); !cmp.Equal(got, []string{"0123456789 0123456789", "last"}) {
		t.Errorf("%q", got)
	}
	if got := len(lastLines(path, 1<<20)); got != 20001 {
		t.Errorf("%d lines", got)
	}
}
