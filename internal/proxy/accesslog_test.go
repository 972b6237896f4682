package proxy

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestAccessLog(t *testing.T) {
	r := newRig(t, Limits{})
	r.site("alice", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.Write([]byte("hello")) })
	r.get("Alice.localhost:80", "/a?b", "Referer", "http://x/", "User-Agent", "test \"1\"\\\u009b")
	r.get("nobody.localhost", "/", "User-Agent", "")
	want := `^alice\.localhost 127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ` +
		`"GET /a\?b HTTP/1\.1" 201 5 "http://x/" "test \\x221\\x22\\x5c\\xc2\\x9b" \d+\.\dms` + "\n" +
		`nobody\.localhost 127\.0\.0\.1 .* "GET / HTTP/1\.1" 404 \d+ "-" "-" \d+\.\dms` + "\n$"
	if got := r.accessLog(); !regexp.MustCompile(want).MatchString(got) {
		t.Errorf("got  %q\nwant %s", got, want)
	}
}

// Whatever a visitor sends, a request is one line of printable ASCII with its fields in their places.
func FuzzAccessLog(f *testing.F) {
	f.Add("alice", "GET", "/", "ua")
	f.Add("a\nb", "G\rT", "/\x00\x1b\" 200", "\"\\\u2028\xff")
	f.Add("a b", "", strings.Repeat("x", 5000), "")
	line := regexp.MustCompile(`^[!-~]+ 192\.0\.2\.1 - - \[[^\]]+\] "[!-~]+ [!-~]+ HTTP/1\.1" 200 7 "-" "[^"]+" \d+\.\dms\n$`)
	f.Fuzz(func(t *testing.T, host, method, uri, agent string) {
		r := &http.Request{
			Method: method, RequestURI: uri, Proto: "HTTP/1.1", RemoteAddr: "192.0.2.1:1",
			Header: http.Header{"User-Agent": {agent}},
		}
		now := time.Now()
		got := appendLine(nil, &exchange{host: host, status: 200, written: 7, start: now}, r, now)
		if !line.Match(got) || bytes.ContainsFunc(got[:len(got)-1], func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("got %q", got)
		}
		if len(got) > 4*4*(maxLogField+10) {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// A write holds whole lines only: another writer of the same file never cuts one in two.
func TestWholeLines(t *testing.T) {
	var writes [][]byte
	l := newAccessLog(writerFunc(func(p []byte) (int, error) {
		writes = append(writes, bytes.Clone(p))
		return len(p), nil
	}))
	r := &http.Request{Method: "GET", RequestURI: "/" + strings.Repeat("x", 900), Proto: "HTTP/1.1", RemoteAddr: "192.0.2.1:1"}
	for range 500 {
		l.record(&exchange{host: "alice", start: time.Now()}, r)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, w := range writes {
		if !bytes.HasSuffix(w, []byte("ms\n")) {
			t.Errorf("a write ends with %q", w[len(w)-10:])
		}
		if len(w) > 4096 {
			t.Errorf("a write of %d bytes, which a pipe may mix with another's", len(w))
		}
		lines += bytes.Count(w, []byte("\n"))
	}
	if lines != 500 || len(writes) > 200 {
		t.Errorf("%d lines in %d writes", lines, len(writes))
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
