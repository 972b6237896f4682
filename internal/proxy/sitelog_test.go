package proxy

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/route"
)

func everySite(string) bool { return true }

// lines are what logisd is told of a site's log.
func (r *rig) lines(site string, n int, from string) ([]string, string) {
	r.t.Helper()
	lines, at, err := r.publisher.Log(r.t.Context(), site, n, from)
	if err != nil {
		r.t.Fatal(err)
	}
	return lines, at
}

func TestSiteLog(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	r.site("bob", func(w http.ResponseWriter, _ *http.Request) {})
	r.get("Alice.localhost:80", "/a?<b>", "User-Agent", "test \"1\"\\\u009b")
	r.get("alice.localhost", "/"+strings.Repeat("x", 5000))
	r.get("nobody.localhost", "/")
	lines, at := r.lines("alice", 10, "")
	want := `^\d{4}-\d\d-\d\dT[0-9:.]+Z alice\.localhost 127\.0\.0\.1 "GET /a\?<b>" 200 5 \d+\.\dms "test \\x221\\x22\\x5c\\xc2\\x9b"$`
	if len(lines) != 2 || !regexp.MustCompile(want).MatchString(lines[0]) || !strings.Contains(lines[1], "xxx...\" 200") {
		t.Fatalf("%q", lines)
	}
	if one, _ := r.lines("alice", 1, ""); len(one) != 1 || one[0] != lines[1] {
		t.Errorf("the last: %q", one)
	}
	if none, _ := r.lines("bob", 10, ""); len(none) != 0 {
		t.Errorf("of a site without visitors: %q", none)
	}

	r.get("alice.localhost", "/since")
	since, at := r.lines("alice", 10, at)
	if len(since) != 1 || !strings.Contains(since[0], "/since") {
		t.Errorf("since: %q", since)
	}
	if again, _ := r.lines("alice", 10, at); len(again) != 0 {
		t.Errorf("said again: %q", again)
	}
}

// What came since a position is told once and whole, also where one file became the older one meanwhile.
func TestSiteLogSince(t *testing.T) {
	l := newSiteLogs(t.TempDir(), everySite, slog.New(slog.DiscardHandler))
	at, told := "", 0
	for i := range 2000 {
		l.record("alice", &exchange{host: "alice.localhost", start: time.Now()}, &http.Request{Method: "GET", RequestURI: fmt.Sprint("/", i)})
		if i%7 > 0 {
			continue
		}
		var lines []string
		lines, at = l.read("alice", 100, at)
		for _, line := range lines {
			if !strings.Contains(line, fmt.Sprintf("GET /%d\"", told)) {
				t.Fatalf("line %d is %q", told, line)
			}
			told++
		}
		if told != i+1 {
			t.Fatalf("%d lines of %d", told, i+1)
		}
	}
}

// Whatever visitors send, a site's log is bounded; and it goes with the site, whose name may be another's tomorrow.
func TestSiteLogBounds(t *testing.T) {
	dir := t.TempDir()
	l := newSiteLogs(dir, everySite, slog.New(slog.DiscardHandler))
	r := &http.Request{Method: "GET", RequestURI: strings.Repeat("\x00", 5000), RemoteAddr: "192.0.2.1:1", Header: http.Header{"User-Agent": {strings.Repeat("\"", 5000)}}}
	for i := range 1000 {
		l.record("alice", &exchange{host: strings.Repeat("h", 300), start: time.Now()}, r)
		if i%200 == 0 { // between these the disk does not keep up
			l.flush()
		}
	}
	l.record("bob", &exchange{host: "bob", start: time.Now()}, r)
	l.flush()
	size := int64(0)
	files, _ := filepath.Glob(filepath.Join(dir, "access-alice*"))
	for _, f := range files {
		fi, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += fi.Size()
	}
	if most := int64(2 * (maxSiteLog + maxSiteBacklog + 2*route.MaxLogLine)); size > most || len(files) != 2 {
		t.Errorf("%d bytes in %d files, at most %d", size, len(files), most)
	}
	lines, _ := l.read("alice", 10_000, "")
	for _, line := range lines {
		if len(line) > route.MaxLogLine || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%q", line)
		}
	}
	l.keep([]route.Route{{Site: "bob"}})
	if lines, _ := l.read("alice", 10, ""); len(lines) > 0 {
		t.Errorf("after its end: %q", lines)
	}
	if lines, _ := l.read("bob", 10, ""); len(lines) != 1 {
		t.Errorf("the other's: %q", lines)
	}
	l.remove("bob")
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// What a power cut left of a file is passed over: logisd would take it for a proxy that lies, and end the connection.
func TestSiteLogTorn(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(http.ResponseWriter, *http.Request) {})
	r.get("alice.localhost", "/before")
	r.lines("alice", 10, "")
	f, err := os.OpenFile(filepath.Join(r.dir, "access-alice.log"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(strings.Repeat("\x00", 4096) + "\n\n" + strings.Repeat("x", 5000) + "\n"); err != nil {
		t.Fatal(err)
	}
	r.get("alice.localhost", "/after")
	lines, _ := r.lines("alice", 10, "")
	if len(lines) != 2 || !strings.Contains(lines[0], "/before") || !strings.Contains(lines[1], "/after") {
		t.Errorf("%q", lines)
	}
}

// A visitor does not wait while the disk does not answer, and what waits for it is bounded.
func TestSiteLogDisk(t *testing.T) {
	l := newSiteLogs(t.TempDir(), everySite, slog.New(slog.DiscardHandler))
	l.files.Lock() // as a write that hangs has it
	for range 1000 {
		l.record("alice", &exchange{host: "alice.localhost", start: time.Now()}, &http.Request{Method: "GET", RequestURI: "/" + strings.Repeat("x", 200)})
	}
	l.files.Unlock()
	if n := len(l.take("alice")); n < maxSiteBacklog || n > maxSiteBacklog+route.MaxLogLine+1 {
		t.Errorf("%d bytes wait", n)
	}
}

// A request that ends after its site was destroyed leaves nothing for the next site of the name.
func TestSiteLogOfTheGone(t *testing.T) {
	there := true
	dir := t.TempDir()
	l := newSiteLogs(dir, func(string) bool { return there }, slog.New(slog.DiscardHandler))
	record := func() { l.record("alice", &exchange{host: "alice", start: time.Now()}, &http.Request{Method: "GET"}) }
	record()
	there = false
	l.remove("alice")
	record()
	l.flush()
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}
