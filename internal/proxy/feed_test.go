package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/route"
)

// The proxy serves what it knows without logisd, also after a restart of its own, and catches up when logisd is back.
func TestWithoutLogisd(t *testing.T) {
	r := newRig(t, Limits{})
	up := r.site("alice", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "alice") })
	r.publisher.Close()
	if _, body := r.get("alice.localhost", "/"); body != "alice" {
		t.Errorf("logisd gone: %q", body)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(r.dir, "routes.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("routes.json: %v, %v", info, err)
	}
	r.start(Limits{})
	if _, body := r.get("alice.localhost", "/"); body != "alice" {
		t.Errorf("proxy restarted: %q", body)
	}

	r.publish() // its table is empty
	r.awaitConnected()
	if res, _ := r.get("alice.localhost", "/"); res.StatusCode != 404 {
		t.Errorf("logisd is back without alice: %d", res.StatusCode)
	}
	r.set("alice", up.Listener.Addr().String(), route.Up)
	if _, body := r.get("alice.localhost", "/"); body != "alice" {
		t.Errorf("logisd is back with alice: %q", body)
	}
}

func TestRoutesReachDisk(t *testing.T) {
	r := newRig(t, Limits{})
	r.set("alice", "10.83.0.2:80", route.Stopped)
	poll(t, "the route is on disk", func() bool {
		routes, err := readRoutes(filepath.Join(r.dir, "routes.json"))
		if err != nil {
			t.Fatal(err)
		}
		return len(routes) == 1 && routes[0].State == route.Stopped
	})
}

func testRoute(site string, domains ...string) route.Route {
	return route.Route{Site: site, Domains: domains, Upstream: netip.MustParseAddrPort("10.83.0.2:80"), State: route.Up}
}

func newTestTable() *table {
	return newTable(newForwarder(Limits{}.withDefaults(), slog.New(slog.DiscardHandler)))
}

func TestTable(t *testing.T) {
	tab := newTestTable()
	owner := func(host string) string {
		if s := tab.lookup(host); s != nil {
			return s.Site
		}
		return ""
	}
	tab.set(testRoute("a", "a.x", "old.x"))
	tab.set(testRoute("b", "b.x", "moved.x"))
	tab.set(testRoute("a", "a.x", "moved.x")) // old.x goes; moved.x is a's before b has given it up
	tab.set(testRoute("b", "b.x"))
	got := []string{owner("a.x"), owner("old.x"), owner("moved.x"), owner("b.x")}
	if diff := cmp.Diff([]string{"a", "", "a", "b"}, got); diff != "" {
		t.Error(diff)
	}
	tab.delete("a")
	tab.delete("a")
	if owner("a.x") != "" || owner("moved.x") != "" || owner("b.x") != "b" {
		t.Error("delete took too little or too much")
	}
	tab.replace([]route.Route{testRoute("c", "c.x")})
	if owner("b.x") != "" || owner("c.x") != "c" || len(tab.routes()) != 1 {
		t.Error("replace left something")
	}
}

func TestIntake(t *testing.T) {
	set := func(r route.Route) route.Message { return route.Message{Op: route.Set, Route: &r} }
	begin, end := route.Message{Op: route.Begin}, route.Message{Op: route.End}
	for name, test := range map[string]struct {
		messages []route.Message
		want     string // sites, or "error"
	}{
		"table":             {[]route.Message{begin, set(testRoute("a")), end}, "a"},
		"change":            {[]route.Message{begin, end, set(testRoute("a")), set(testRoute("b")), {Op: route.Delete, Site: "a"}}, "b"},
		"second table":      {[]route.Message{begin, set(testRoute("a")), end, begin, set(testRoute("b")), end}, "b"},
		"half a table":      {[]route.Message{begin, set(testRoute("a"))}, "kept"},
		"set first":         {[]route.Message{set(testRoute("a"))}, "error"},
		"delete first":      {[]route.Message{{Op: route.Delete, Site: "kept"}}, "error"},
		"delete in a table": {[]route.Message{begin, {Op: route.Delete, Site: "kept"}}, "error"},
		"end first":         {[]route.Message{end}, "error"},
		"unknown":           {[]route.Message{begin, end, {Op: "melt"}}, "error"},
		"invalid route":     {[]route.Message{begin, set(testRoute("../a")), set(testRoute("b")), end}, "b"},
		"number skipped":    {[]route.Message{begin, {Seq: 7, Op: route.End}}, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			tab := newTestTable()
			tab.set(testRoute("kept"))
			in := &intake{feed: newFeed("", tab, func() {}, nil, slog.New(slog.DiscardHandler))}
			for i, m := range test.messages {
				if m.Seq == 0 {
					m.Seq = uint64(i + 1)
				}
				ack, err := in.apply(m)
				if err != nil {
					if test.want != "error" {
						t.Error(err)
					}
					return
				}
				if ack != (in.synced && !in.loading) {
					t.Errorf("message %d: ack %t", i, ack)
				}
			}
			sites := []string{}
			for _, r := range tab.routes() {
				sites = append(sites, r.Site)
			}
			if got := strings.Join(sites, " "); got != test.want {
				t.Errorf("sites %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzParseRoutes(f *testing.F) {
	f.Add([]byte(`{"format":1,"routes":[{"site":"a","domains":["a.b"],"upstream":"10.0.0.1:80","state":"up"}]}`))
	f.Add([]byte(`{"format":1,"routes":[{"site":"../a","upstream":"10.0.0.1:80","state":"up"},{}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		routes, err := parseRoutes(data)
		for _, r := range routes {
			if err != nil || r.Check() != nil {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}

func TestUnusableStore(t *testing.T) {
	for _, content := range []string{"", "{}", `{"format":99}`, `{"format":1,"routes":[{"site":"a"}]}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "routes.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		tab := newTestTable()
		newStore(dir, tab, slog.New(slog.DiscardHandler)).load()
		if n := len(tab.routes()); n != 0 {
			t.Errorf("%q: %d routes", content, n)
		}
	}
}

func TestListen(t *testing.T) {
	open, err := Listen(t.Context(), "proxy.http", []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer open[0].Close()
	taken := open[0].Addr().String()
	for _, address := range []string{taken, "192.0.2.1:80", "nonsense"} {
		_, err = Listen(t.Context(), "proxy.http", []string{"127.0.0.1:0", address})
		if err == nil || !strings.Contains(err.Error(), "cannot listen on "+address) || !strings.Contains(err.Error(), "proxy.http") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := LookupIdentity("no-such-user"); err == nil || !strings.Contains(err.Error(), "useradd --system") {
		t.Errorf("LookupIdentity: %v", err)
	}
}
