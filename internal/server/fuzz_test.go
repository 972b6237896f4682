package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/server"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// counted is a log that only counts what tells of a panic.
type counted struct {
	mu     sync.Mutex
	panics string
}

func (c *counted) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bytes.Contains(p, []byte("panic")) {
		c.panics += string(p)
	}
	return len(p), nil
}

// FuzzAPI: whatever a request says, logisd does not panic, and each error is the contract's.
func FuzzAPI(f *testing.F) {
	for _, seed := range []struct{ method, target, contentType, body string }{
		{"GET", "/v1/sites", "", ""},
		{"POST", "/v1/sites", "application/json", `{"name":"bob","domains":["a.org"],"limits":{"memory_bytes":1,"cpus":0.5}}`},
		{"POST", "/v1/sites", "application/json", `{"name":"bob","limits":{"cpus":1e999,"pids":-9223372036854775808}}`},
		{"POST", "/v1/sites", "application/json", `{"name":null,"ssh_keys":[null]}`},
		{"POST", "/v1/sites", "application/json", strings.Repeat("[", 10_000)},
		{"POST", "/v1/sites", "application/cbor", "\xa1\x64name\x63bob"},
		{"PATCH", "/v1/sites/alice", "application/json", `{"memory_bytes":0,"priority":1e3}`},
		{"PATCH", "/v1/sites/alice", "application/merge-patch+json", `{}`},
		{"DELETE", "/v1/sites/alice", "", ""},
		{"POST", "/v1/sites/alice/start?no_wait=true", "", ""},
		{"GET", "/v1/sites/alice/wait?for=stopped&timeout=0.001", "", ""},
		{"GET", "/v1/sites/alice/wait?timeout=NaN", "", ""},
		{"POST", "/v1/sites/alice/exec", "application/json", `{"command":["true"]}`},
		{"GET", "/v1/sites/alice/logs?lines=99999999999999999999&service=%00", "", ""},
		{"GET", "/v1/events?lines=-1;follow=maybe", "", ""},
		{"POST", "/v1/host/down?timeout=+Inf", "", ""},
		{"POST", "/v1/doctor/fix", "", "x"},
		{"POST", "/v1/images/import", api.ArchiveType, "\x28\xb5\x2f\xfd"},
		{"GET", "/v1/images/..%2f..%2fetc/export", "", ""},
		{"GET", "//v1/../openapi.json", "", ""},
		{"OPTIONS", "*", "", ""},
		{"CONNECT", "/v1/sites", "", ""},
	} {
		f.Add(seed.method, seed.target, seed.contentType, seed.body)
	}
	m := servertest.New()
	m.Session = func(context.Context, string, net.Conn, any) {}
	var log counted
	socket, _ := servertest.ServeWith(f, server.Options{Engine: m, Log: slog.New(slog.NewTextHandler(&log, nil))})
	h := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}
	f.Fuzz(func(t *testing.T, method, target, contentType, body string) {
		m.Put(servertest.StatusOf("alice", site.Running))
		m.PutImage("lemp")
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, "http://logisd/", strings.NewReader(body))
		if err != nil {
			t.Skip("not a method")
		}
		req.URL.Opaque = target // as it is
		if target == "" || strings.ContainsAny(target, " \r\n\t\x00") {
			t.Skip("not a request line")
		}
		req.Header.Set("Content-Type", contentType)
		if strings.HasSuffix(target, "/exec") {
			req.Header.Set("Connection", "Upgrade")
			req.Header.Set("Upgrade", api.ExecProtocol)
		}
		if strings.Contains(target, "wait") || strings.Contains(target, "follow") { // which may rightly go on
			var soon context.CancelFunc
			ctx, soon = context.WithTimeout(ctx, 50*time.Millisecond)
			defer soon()
			req = req.WithContext(ctx)
		}
		resp, err := h.RoundTrip(req)
		if err != nil {
			if log.panics != "" {
				t.Fatal(log.panics)
			}
			t.Skip(err) // net/http's client or server does not take it for HTTP
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 400 && method != http.MethodHead && resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			data, err := io.ReadAll(resp.Body)
			var e api.Error
			if err == nil {
				err = json.Unmarshal(data, &e)
			}
			if err != nil || e.Code == "" || e.Message == "" {
				t.Errorf("%s %q: %s: %v %q", method, target, resp.Status, err, data)
			}
			if len(data) > 16<<10 {
				t.Errorf("%s %q: %d bytes of error", method, target, len(data))
			}
		}
		log.mu.Lock()
		defer log.mu.Unlock()
		if log.panics != "" {
			t.Error(log.panics)
		}
	})
}
