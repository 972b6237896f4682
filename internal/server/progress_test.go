package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// TestStreamOrAnswer: who names the type of streams gets one, with status 200 and the error in the last element; who does not
// gets the outcome and its status.
func TestStreamOrAnswer(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	socket, _ := servertest.Serve(t, m)
	for _, tc := range []struct {
		accept, name string
		status       int
		contentType  string
		last         string // in the body, or the last line of it
	}{
		{"", "bob", 201, "application/json", `"name":"bob"`},
		{"*/*", "carol", 201, "application/json", `"name":"carol"`},
		{"application/json", "alice", 409, "application/problem+json", `"code":"conflict"`},
		{"application/x-ndjson;q=0", "dan", 201, "application/json", `"name":"dan"`},
		{"application/x-ndjson", "eve", 200, "application/x-ndjson", `{"site":"eve","done":{"name":"eve"`},
		{"text/html, application/x-ndjson", "alice", 200, "application/x-ndjson", `{"site":"alice","error":{"type":"`},
	} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"name":"` + tc.name + `"}`
		_, _ = fmt.Fprintf(conn, "POST /v1/sites HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			tc.accept, len(body), body)
		data, err := io.ReadAll(conn)
		_ = conn.Close()
		head, rest, _ := strings.Cut(string(data), "\r\n\r\n")
		if err != nil || !strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", tc.status)) ||
			!strings.Contains(head, "Content-Type: "+tc.contentType+"\r\n") || !strings.Contains(rest, tc.last) {
			t.Errorf("Accept %q, %s: %v\n%s", tc.accept, tc.name, err, data)
		}
	}
}

// TestCreateTellsWhatIsWaitedFor: the services are named, before the site is there.
func TestCreateTellsWhatIsWaitedFor(t *testing.T) {
	c := dial(t, servertest.New())
	var got []api.SiteProgress
	s, err := c.Create(t.Context(), api.CreateRequest{Name: "alice"}, func(p api.SiteProgress) { got = append(got, p) })
	if err != nil || s.Name != "alice" {
		t.Errorf("Create = %v, %v", s.Name, err)
	}
	if d := cmp.Diff([]api.SiteProgress{{Site: "alice", Step: "services", Waiting: []string{"nginx", "mariadb"}}}, got); d != "" {
		t.Errorf("progress (-want +got):\n%s", d)
	}
}

// TestSeveralSites: the plan, the progress and the outcome of each, and the end; what one fails of stops no other.
func TestSeveralSites(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("a", site.Running))
	m.Put(servertest.StatusOf("b", site.Stopped))
	c := dial(t, m)
	var got []api.SiteProgress
	end, err := c.StartSites(t.Context(), api.SitesRequest{Names: []string{"none", "b", "a"}}, func(p api.SiteProgress) {
		if p.Done != nil {
			p.Done = &api.Site{Name: p.Done.Name, State: p.Done.State}
		}
		got = append(got, p)
	})
	if err != nil || end != (api.SitesEnd{Sites: 3, Failed: 1}) {
		t.Errorf("StartSites = %v, %v", end, err)
	}
	waits := []string{"mariadb"}
	want := []api.SiteProgress{
		{Sites: []string{"none", "b", "a"}},
		{Site: "none", Step: "services", Waiting: waits},
		{Site: "none", Error: &api.Error{Code: "not_found", Status: 404, Message: "no such site"}, Seconds: 1},
		{Site: "b", Step: "services", Waiting: waits},
		{Site: "b", Done: &api.Site{Name: "b", State: "running"}, Seconds: 1},
		{Site: "a", Step: "services", Waiting: waits},
		{Site: "a", Done: &api.Site{Name: "a", State: "running"}, Unchanged: true, Seconds: 1},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(api.Error{}, "Type", "Title", "Detail")); d != "" {
		t.Errorf("elements (-want +got):\n%s", d)
	}
	if end, err := c.StopSites(t.Context(), api.SitesRequest{All: true}, func(api.SiteProgress) {}); err != nil || end.Sites != 2 {
		t.Errorf("StopSites of all = %v, %v", end, err)
	}
	if end, err := c.RestartSites(t.Context(), api.SitesRequest{All: true}, func(api.SiteProgress) {}); err != nil || end.Sites != 0 {
		t.Errorf("RestartSites of none = %v, %v", end, err)
	}
	for _, req := range []api.SitesRequest{{}, {All: true, Names: []string{"a"}}, {Names: []string{"a", "a"}}} {
		if _, err := c.StartSites(t.Context(), req, nil); !errors.Is(err, client.ErrInvalid) {
			t.Errorf("StartSites(%v) = %v", req, err)
		}
	}
}

// TestLeavingSeveral: those whose turn has not come have none.
func TestLeavingSeveral(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("a", site.Stopped))
	m.Put(servertest.StatusOf("b", site.Stopped))
	ctx, cancel := context.WithCancel(t.Context())
	m.OnStart = func(ctx context.Context, _ string) error {
		cancel()
		<-ctx.Done()
		return nil
	}
	c := dial(t, m)
	codes := map[string]string{}
	_, err := c.StartSites(ctx, api.SitesRequest{All: true}, func(p api.SiteProgress) {
		if p.Error != nil {
			codes[p.Site] = p.Error.Code
		}
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrStillEnding) {
		t.Errorf("StartSites = %v", err)
	}
	if d := cmp.Diff(map[string]string{"b": "cancelled"}, codes); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	if s, err := m.Show(t.Context(), "b"); err != nil || s.State != site.Stopped {
		t.Errorf("b is %v, %v", s.State, err)
	}
}

// TestNotUndone: cancelled work that could not be taken back is no clean cancellation, to whoever waits for its end.
func TestNotUndone(t *testing.T) {
	for left, want := range map[error]string{nil: "context canceled", engine.ErrNotUndone: "not all of it is undone"} {
		m := servertest.New()
		ctx, cancel := context.WithCancel(t.Context())
		m.Build = func(ctx context.Context, _ func(engine.Progress)) error {
			cancel()
			<-ctx.Done()
			return errors.Join(ctx.Err(), left)
		}
		_, err := dial(t, m).BuildImage(ctx, "lemp", func(api.Progress) {})
		if err == nil || !strings.HasSuffix(err.Error(), want) || errors.Is(err, context.Canceled) != (left == nil) {
			t.Errorf("with %v left: %v", left, err)
		}
	}
}

// TestImportProgress: bytes are counted while the archive comes, and out of how many.
func TestImportProgress(t *testing.T) {
	c := dial(t, servertest.New())
	r, w := io.Pipe()
	go func() { _, _ = w.Write(make([]byte, 3<<20)) }()
	var steps []string
	i, err := c.ImportImage(t.Context(), r, 4<<20, func(p api.Progress) {
		if p.TotalBytes != 4<<20 || p.Index != 1 {
			t.Errorf("progress %+v", p)
		}
		if steps = append(steps, p.Step); p.Bytes == 3<<20 {
			go func() { _, _ = w.Write(make([]byte, 1<<20)); _ = w.Close() }() // only now
		}
	})
	if err != nil || i.SizeBytes != 4<<20 || len(steps) < 2 || steps[0] != "unpack" {
		t.Errorf("ImportImage = %v, %v, steps %q", i.SizeBytes, err, steps)
	}
}

// TestBrokenImport: neither who leaves nor who cannot read the archive on leaves an import that goes on.
func TestBrokenImport(t *testing.T) {
	c := dial(t, servertest.New())
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = w.Write(make([]byte, 1<<20)) }()
	_, err := c.ImportImage(ctx, r, 0, func(p api.Progress) {
		if p.Bytes == 1<<20 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrStillEnding) {
		t.Errorf("cancelled: %v", err)
	}
	r, w = io.Pipe()
	go func() {
		_, _ = w.Write(make([]byte, 1<<20))
		_ = w.CloseWithError(errors.New("the disk is gone"))
	}()
	if _, err := c.ImportImage(t.Context(), r, 0, nil); err == nil || err.Error() != "read the body: the disk is gone" {
		t.Errorf("unreadable: %v", err)
	}
}

// TestLastElementIsAProblem looks at the bytes of a stream that fails.
func TestLastElementIsAProblem(t *testing.T) {
	socket, _ := servertest.Serve(t, servertest.New())
	_, body := raw(t, socket, "POST", "/v1/images/broken/build", "", "")
	var last struct{ Error map[string]any }
	lines := bufio.NewScanner(strings.NewReader(string(body)))
	for lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Fatal(err)
		}
	}
	for _, member := range []string{"type", "title", "status", "detail", "code", "message"} {
		if last.Error[member] == nil {
			t.Errorf("no %s in %v", member, last.Error)
		}
	}
}
