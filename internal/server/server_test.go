package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/server"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

func TestSites(t *testing.T) {
	m := servertest.New()
	c := dial(t, m)
	ctx := t.Context()

	if v, err := c.Version(ctx); err != nil || v.Version != api.Version {
		t.Errorf("Version = %v, %v", v, err)
	}
	if all, err := c.Sites(ctx); err != nil || all == nil || len(all) != 0 {
		t.Errorf("Sites = %#v, %v; want an empty list, not null", all, err)
	}
	got, err := c.Create(ctx, api.CreateRequest{
		Name: "alice", Domains: []string{"a.org"}, SSHKeys: []string{"k"},
		Limits: api.LimitsRequest{MemoryBytes: 1 << 30, CPUs: 0.5, IOWeight: 20, IOBandwidthBytes: new(int64(0))},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := api.Site{
		Name: "alice", State: "running", Desired: "running", Image: "lemp", Address4: "10.83.0.2", Address6: "fd83:6c6f:6769::2",
		SSH: api.SSH{Host: "h", Port: 22001, User: "alice"}, URLs: []string{"http://alice.localhost/"}, Domains: []string{"alice.localhost"},
		Limits: api.Limits{
			MemoryBytes: 512 << 20, DiskBytes: 2 << 30, CPUs: 1, PIDs: 512, CPUWeight: 100, IOWeight: 100, OpenFiles: 4096, LogBytes: 2 << 20,
		},
		Services: []api.Service{{Name: "nginx", State: "running", Ready: true, PID: 7}},
		PID:      1234, IDBase: 1000000000, CreatedAt: servertest.Birth(), StartedAt: servertest.Birth(),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Create (-want +got):\n%s", d)
	}
	asked := site.Spec{Name: "alice", Domains: []string{"a.org"}, SSHKeys: []string{"k"}, Limits: site.Limits{
		Memory: 1 << 30, Swap: site.Unset, CPUs: 0.5, IOWeight: 20, IOBandwidth: 0, Bandwidth: site.Unset,
	}}
	if d := cmp.Diff(asked, m.Last()); d != "" {
		t.Errorf("spec that the engine saw (-want +got):\n%s", d)
	}
	if all, err := c.Sites(ctx); err != nil || len(all) != 1 {
		t.Errorf("Sites = %v, %v", all, err)
	}
	if s, err := c.Stop(ctx, "alice"); err != nil || s.State != "stopped" {
		t.Errorf("Stop = %v, %v", s.State, err)
	}
	if s, err := c.Start(ctx, "alice", true); err != nil || s.State != "starting" {
		t.Errorf("Start without waiting = %v, %v", s.State, err)
	}
	if s, err := c.Restart(ctx, "alice", false); err != nil || s.State != "running" {
		t.Errorf("Restart = %v, %v", s.State, err)
	}
	if s, err := c.Wait(ctx, "alice", "ready", 0); err != nil || s.State != "running" {
		t.Errorf("Wait = %v, %v", s.State, err)
	}
	if _, err := c.Wait(ctx, "alice", "stopped", time.Millisecond); code(err) != api.CodeFailed || !strings.Contains(err.Error(), "not stopped after 1ms") {
		t.Errorf("Wait past its time: %v", err)
	}
	if err := c.Destroy(ctx, "alice"); err != nil {
		t.Errorf("Destroy: %v", err)
	}
	if _, err := c.Site(ctx, "alice"); code(err) != api.CodeNotFound {
		t.Errorf("Site after Destroy: %v", err)
	}
}

func TestErrorsHaveTheirCode(t *testing.T) {
	m := servertest.New()
	c := dial(t, m)
	ctx := t.Context()
	if _, err := c.Create(ctx, api.CreateRequest{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	_, conflict := c.Create(ctx, api.CreateRequest{Name: "bob"})
	_, reserved := c.Create(ctx, api.CreateRequest{Name: "root"})
	_, negative := c.Create(ctx, api.CreateRequest{Name: "x", Limits: api.LimitsRequest{PIDs: -1}})
	_, target := c.Wait(ctx, "bob", "happy", 0)
	_, long := c.Site(ctx, strings.Repeat("x", 300))
	_, exec := c.Exec(ctx, "nobody-here", api.ExecRequest{Command: []string{"true"}})
	_, empty := c.Exec(ctx, "bob", api.ExecRequest{})
	for _, tc := range []struct {
		what, want string
		err        error
	}{
		{"taken name", api.CodeConflict, conflict},
		{"reserved name", api.CodeInvalid, reserved},
		{"negative limit", api.CodeInvalid, negative},
		{"unknown target", api.CodeInvalid, target},
		{"overlong name", api.CodeInvalid, long},
		{"destroy of none", api.CodeNotFound, c.Destroy(ctx, "none")},
		{"exec in none", api.CodeNotFound, exec},
		{"exec of nothing", api.CodeInvalid, empty},
		{"logs of none", api.CodeNotFound, c.Logs(ctx, "none", client.LogsOptions{}, nil)},
	} {
		if got := code(tc.err); got != tc.want {
			t.Errorf("%s: code %q of %v, want %q", tc.what, got, tc.err, tc.want)
		}
	}
	if conflict.Error() != "a site of that name exists" {
		t.Errorf("conflict says %q", conflict)
	}
}

// TestEveryErrorBodyIsTheContracts looks at the bytes: huma's own errors, unknown routes and those of middleware too.
func TestEveryErrorBodyIsTheContracts(t *testing.T) {
	socket, _ := servertest.Serve(t, servertest.New())
	for _, tc := range []struct {
		method, path, body, contentType string
		status                          int
		code                            string
	}{
		{"POST", "/v1/sites", "{", "application/json", 400, "invalid"},
		{"POST", "/v1/sites", "", "application/json", 400, "invalid"},
		{"POST", "/v1/sites", `{"name":1}`, "application/json", 422, "invalid"},
		{"POST", "/v1/sites", `{"name":"a","colour":"red"}`, "application/json", 422, "invalid"},
		{"POST", "/v1/sites", `{"name":"a"}`, "text/csv", 415, "invalid"},
		{"POST", "/v1/sites", `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, "application/json", 413, "invalid"},
		{"POST", "/v1/sites/a/start?no_wait=perhaps", "", "", 422, "invalid"},
		{"POST", "/v1/sites/a/exec", `{"command":["true"]}`, "application/json", 426, "invalid"},
		{"GET", "/v1/images/none/export", "", "", 404, "not_found"},
		{"GET", "/v1/images/none", "", "", 404, "not_found"},
		{"GET", "/v2/sites", "", "", 404, "failed"},
		{"PATCH", "/v1/sites", "", "", 404, "failed"},
	} {
		resp, body := raw(t, socket, tc.method, tc.path, tc.contentType, tc.body)
		what := tc.method + " " + tc.path + " " + tc.body[:min(len(tc.body), 40)]
		if resp.StatusCode != tc.status || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d\n%s", what, resp.StatusCode, resp.Header.Get("Content-Type"), tc.status, body)
		}
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %v in %s", what, err, body)
		}
		// RFC 9457, section 3.1; code and message are what clients of before know.
		if uri, _ := got["type"].(string); got["code"] != tc.code || got["status"] != float64(tc.status) || got["title"] == "" ||
			got["detail"] == "" || got["message"] != got["detail"] || !strings.HasSuffix(uri, "/docs/api.md#error-"+tc.code) || len(got) != 6 {
			t.Errorf("%s: body %s", what, body)
		}
		if len(body) > 4096 {
			t.Errorf("%s: the answer echoes the request: %d bytes", what, len(body))
		}
	}
}

func TestOpenAPIListsEveryRoute(t *testing.T) {
	socket, _ := servertest.Serve(t, servertest.New())
	_, body := raw(t, socket, "GET", "/openapi.json", "", "")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Right string `json:"x-logis-right"`
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for path, methods := range doc.Paths {
		for method, op := range methods {
			got = append(got, strings.ToUpper(method)+" "+path+" "+op.Right)
		}
	}
	slices.Sort(got)
	want := []string{
		"DELETE /v1/images/{name} write", "DELETE /v1/sites/{name} write", "DELETE /v1/sites/{name}/domains write",
		"DELETE /v1/sites/{name}/keys write",
		"GET /v1/doctor read", "GET /v1/events read",
		"GET /v1/images read", "GET /v1/images/{name} read", "GET /v1/images/{name}/export read",
		"GET /v1/sites read", "GET /v1/sites/{name} read", "GET /v1/sites/{name}/keys read", "GET /v1/sites/{name}/logs read", "GET /v1/sites/{name}/wait read",
		"GET /v1/stats read", "GET /v1/version read",
		"PATCH /v1/sites/{name} write", "POST /v1/doctor/fix write", "POST /v1/doctor/prove write",
		"POST /v1/host/down write", "POST /v1/host/up write",
		"POST /v1/images/import write", "POST /v1/images/{name}/build write",
		"POST /v1/sites write", "POST /v1/sites/restart write", "POST /v1/sites/start write", "POST /v1/sites/stop write",
		"POST /v1/sites/{name}/domains write", "POST /v1/sites/{name}/exec write",
		"POST /v1/sites/{name}/keys write", "POST /v1/sites/{name}/restart write",
		"POST /v1/sites/{name}/start write", "POST /v1/sites/{name}/stop write",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("routes (-want +got):\n%s", d)
	}
	for _, name := range []string{"Site", "Error", "Image", "Progress", "SiteProgress", "SitesRequest", "LogLine", "Event", "CreateRequest", "ExecRequest", "SetRequest"} {
		if doc.Components.Schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
	if doc.Components.Schemas["ErrorModel"] != nil {
		t.Error("the document describes huma's error, not the contract's")
	}
}

// TestLeavingCancels holds a create in the engine, leaves, and waits for the engine to hear of it.
func TestLeavingCancels(t *testing.T) {
	m := servertest.New()
	m.Hold = make(chan struct{})
	c := dial(t, m)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := c.Create(ctx, api.CreateRequest{Name: "alice"})
		left <- err
	}()
	<-m.Hold
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("Create = %v", err)
	}
	if err := <-m.Freed; !errors.Is(err, context.Canceled) {
		t.Errorf("the engine's ctx ended with %v", err)
	}
}

// TestStoppingCancels ends the server under a create: it must not outlive Serve.
func TestStoppingCancels(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the server's time of grace")
	}
	m := servertest.New()
	m.Hold = make(chan struct{})
	socket, stop := servertest.Serve(t, m)
	c := client.New(socket)
	defer c.Close()
	answered := make(chan error, 1)
	go func() {
		_, err := c.Create(context.Background(), api.CreateRequest{Name: "alice"})
		answered <- err
	}()
	<-m.Hold
	stop()
	select {
	case <-m.Freed:
	default:
		t.Error("Serve returned while Create was running")
	}
	if err := <-answered; err == nil {
		t.Error("the client was told of a success")
	}
}

// TestUnknownPeer: who the kernel does not name, as on TCP, may do nothing.
func TestUnknownPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	s := server.New(server.Options{Engine: servertest.New(), Log: slog.New(slog.DiscardHandler)})
	go func() { served <- s.Serve(ctx, l) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}()
	resp, err := http.Get("http://" + l.Addr().String() + "/v1/sites")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var e api.Error
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || resp.StatusCode != http.StatusForbidden || e.Code != api.CodeFailed {
		t.Errorf("%s %+v %v", resp.Status, e, err)
	}
}

func TestNoDaemon(t *testing.T) {
	_, err := client.New(t.TempDir() + "/none").Version(t.Context())
	var un *client.UnreachableError
	if !errors.As(err, &un) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("Version = %v", err)
	}
	if _, err = client.New(t.TempDir()+"/none").Exec(t.Context(), "a", api.ExecRequest{}); !errors.As(err, &un) {
		t.Errorf("Exec = %v", err)
	}
}

func dial(t *testing.T, m *servertest.Engine) *client.Client {
	t.Helper()
	socket, _ := servertest.Serve(t, m)
	c := client.New(socket)
	t.Cleanup(c.Close)
	return c
}

func code(err error) string {
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e.Code
	}
	return ""
}

// raw sends one request as bytes say.
func raw(t *testing.T, socket, method, path, contentType, body string) (*http.Response, []byte) {
	t.Helper()
	h := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://logisd"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := h.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, data
}
