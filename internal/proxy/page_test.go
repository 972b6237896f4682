package proxy

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/route"
)

func TestUnknownHost(t *testing.T) {
	r := newRig(t, Limits{})
	for _, host := range []string{"nobody.localhost", "127.0.0.1", strings.Repeat("a.", 500)} {
		res, body := r.get(host, "/", "Accept", "*/*")
		if res.StatusCode != 404 || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || strings.Contains(body, "<") {
			t.Errorf("%.20s: %d %v %q", host, res.StatusCode, res.Header, body)
		}
	}
	res, body := r.get("nobody.localhost", "/", "Accept", "text/html,*/*;q=0.8")
	if res.StatusCode != 404 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.HasPrefix(body, "<!doctype html>") || !strings.Contains(body, "nobody.localhost") {
		t.Errorf("%d %v %q", res.StatusCode, res.Header, body)
	}
	if res, _ := r.do(http.MethodHead, "nobody.localhost", "/", nil); res.StatusCode != 404 || res.ContentLength <= 0 {
		t.Errorf("HEAD: %d, length %d", res.StatusCode, res.ContentLength)
	}
	// A host that net/http takes but HTML must not: sub-delims are valid in a host (RFC 3986, section 3.2.2).
	_, body = r.get("x&lt;'b", "/", "Accept", "text/html")
	if !strings.Contains(body, "x&amp;lt;&#39;b") {
		t.Errorf("not escaped: %q", body)
	}
}

func TestUnavailable(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes the connection, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()

	r := newRig(t, Limits{Response: 20 * time.Millisecond})
	r.set("stopped", silent.Addr().String(), route.Stopped)
	r.set("silent", silent.Addr().String(), route.Up)
	r.set("refusing", refusing.Addr().String(), route.Up)
	for _, site := range []string{"stopped", "silent", "refusing"} {
		for _, accept := range []string{"text/html", "*/*"} {
			res, body := r.get(site+".localhost", "/", "Accept", accept)
			if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || res.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %v", site, res.StatusCode, res.Header)
			}
			if !strings.Contains(body, site+".localhost") || strings.Contains(body, "<html") != (accept == "text/html") {
				t.Errorf("%s: %q", site, body)
			}
		}
	}
}

func TestOwnAnswers(t *testing.T) {
	r := newRig(t, Limits{})
	got := map[string]string{}
	for _, line := range []string{"CONNECT alice.localhost:22 HTTP/1.1", "OPTIONS * HTTP/1.1"} {
		_, in := r.dial(line + "\nHost: alice.localhost:22\n\n")
		status, _ := in.ReadString('\n')
		got[line] = strings.TrimSpace(status)
	}
	want := map[string]string{
		"CONNECT alice.localhost:22 HTTP/1.1": "HTTP/1.1 405 Method Not Allowed", "OPTIONS * HTTP/1.1": "HTTP/1.1 200 OK",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if log := r.accessLog(); !strings.Contains(log, `"OPTIONS * HTTP/1.1" 200 `) || !strings.Contains(log, " 405 ") {
		t.Errorf("access log %q", log)
	}
}
