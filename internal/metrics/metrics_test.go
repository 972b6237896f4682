package metrics

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", name, diff)
	}
}

// source is an engine that says what the test wants.
type source func(ctx context.Context) (engine.Metrics, error)

func (s source) Metrics(ctx context.Context) (engine.Metrics, error) { return s(ctx) }

func record(name string, desired site.State) site.Record {
	return site.Record{Spec: site.Spec{Name: name, Image: "lemp", Limits: site.Limits{
		Memory: 512 << 20, Swap: 1 << 30, Disk: 2 << 30, CPUs: 1.5, PIDs: 512,
	}}, Desired: desired}
}

// busy is a host with a site that runs, one that failed and one that is stopped.
func busy() engine.Metrics {
	alice := engine.SiteStats{
		Record: record("alice", site.Running), State: site.Running, Ready: true, StartedAt: time.Unix(1_700_000_000, 0), Restarts: 2,
		Usage:   site.Usage{Memory: 60 << 20, Cache: 10 << 20, Swap: 1 << 20, Disk: 100 << 20, PIDs: 14, CPUSeconds: 3.25, OOMKills: 1},
		Disk:    pool.Use{Used: 100 << 20, Limit: 2 << 30, FilesUsed: 60 << 20, FilesLimit: 1792 << 20},
		Traffic: network.Traffic{Received: 3000, Sent: 2 << 20},
		Services: []site.Service{
			{Name: "nginx", State: "running", Ready: true, PID: 7},
			{Name: "mariadb", State: "starting", Restarts: 3},
		},
		Requests: route.Tally{Classes: [5]int64{1, 20, 3, 4, 5}, Took: [7]int64{10, 9, 8, 3, 1, 0, 1}, Nanos: 2_500_000_000},
	}
	return engine.Metrics{
		Stats: engine.Stats{
			Counted: &engine.Counted{Since: time.Unix(1_699_999_000, 0), NoSite: route.Tally{Classes: [5]int64{3: 9}}},
			Sites: []engine.SiteStats{
				alice,
				{Record: record("bob", site.Running), State: site.Failed, Disk: pool.Use{Used: 2 << 30, Limit: 2 << 30}},
				{Record: record("carol", site.Stopped), State: site.Stopped},
			},
		},
		Pool: pool.Space{Size: 20 << 30, Used: 3 << 30, Free: 16 << 30}, Proxy: true,
	}
}

func newHandler(m source) *Handler {
	return New(Options{Source: m, Version: "1.2.3", Log: slog.New(slog.DiscardHandler)})
}

// answer asks for a path.
func answer(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// ofLogis leaves out what the libraries tell of the process, and what is never twice the same.
func ofLogis(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if strings.HasPrefix(name, "logis_") && !strings.HasPrefix(line, "logis_read_duration") && !strings.HasPrefix(line, "logis_build_info") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestMetrics(t *testing.T) {
	h := newHandler(func(context.Context) (engine.Metrics, error) { return busy(), nil })
	got := answer(h, "GET", "/metrics")
	text := got.Body.String()
	golden(t, "metrics", ofLogis(text))
	for _, want := range []string{`logis_build_info{goversion="go`, `version="1.2.3"} 1`, "\ngo_goroutines ", "\nprocess_resident_memory_bytes "} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}
	if got.Code != 200 || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("%d, %v", got.Code, got.Header())
	}
}

// Every name and text is as Prometheus wants them, with a site for every family.
func TestLint(t *testing.T) {
	h := newHandler(func(context.Context) (engine.Metrics, error) { return busy(), nil })
	now, err := h.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := prometheus.Gatherers{h.own, now}
	problems, err := testutil.GatherAndLint(all)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "logis_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	gathered, err := all.Gather()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range gathered {
		there[f.GetName()] = true
	}
	for _, f := range families() {
		if !there[f.name] {
			t.Errorf("no site shows %s", f.name)
		}
	}
}

// What could not be read is left out, and said.
func TestUnread(t *testing.T) {
	broken := errors.New("it is broken")
	h := newHandler(func(context.Context) (engine.Metrics, error) {
		m := busy()
		m.Sites[0].Disk, m.Sites[1].Disk, m.Sites[0].Traffic = pool.Use{}, pool.Use{}, network.Traffic{}
		m.PoolErr, m.DisksErr, m.TrafficErr, m.Counted, m.Proxy = broken, broken, broken, nil, false
		return m, nil
	})
	text := answer(h, "GET", "/metrics").Body.String()
	for _, name := range []string{"logis_pool_size_bytes", "logis_site_disk_bytes", "logis_site_network_receive_bytes_total", "logis_site_http_requests_total", "logis_proxy_count"} {
		if strings.Contains(text, name) {
			t.Errorf("%s is told", name)
		}
	}
	for _, line := range []string{`logis_read_success{of="pool"} 0`, `logis_read_success{of="disks"} 0`, `logis_read_success{of="requests"} 0`, "logis_proxy_up 0", `logis_site_memory_bytes{site="alice"} 5.24288e+07`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
}

// The series of a site that is destroyed are gone with the next answer, and none is left for another site with its name.
func TestSeriesOfADestroyedSite(t *testing.T) {
	m := busy()
	h := newHandler(func(context.Context) (engine.Metrics, error) { return m, nil })
	if text := answer(h, "GET", "/metrics").Body.String(); !strings.Contains(text, `site="alice"`) {
		t.Fatal(text)
	}
	m.Sites = m.Sites[1:]
	text := answer(h, "GET", "/metrics").Body.String()
	if strings.Contains(text, `site="alice"`) || !strings.Contains(text, `site="bob"`) {
		t.Error(ofLogis(text))
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	h := newHandler(func(context.Context) (engine.Metrics, error) { return engine.Metrics{}, errors.New("the engine ends") })
	for request, want := range map[string]int{"GET /": 404, "GET /metrics/x": 404, "POST /metrics": 405, "GET /metrics": 503} {
		method, path, _ := strings.Cut(request, " ")
		if got := answer(h, method, path); got.Code != want {
			t.Errorf("%s: %d, want %d", request, got.Code, want)
		}
	}
}

// However many ask at once, few are read for, and who gives up waiting has no turn.
func TestTurns(t *testing.T) {
	var reading, most atomic.Int64
	entered, leave := make(chan struct{}, 10), make(chan struct{})
	h := newHandler(func(context.Context) (engine.Metrics, error) {
		now := reading.Add(1)
		for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
		}
		entered <- struct{}{}
		<-leave
		reading.Add(-1)
		return busy(), nil
	})
	const askers = 10
	answered := make(chan int)
	for range askers {
		go func() { answered <- answer(h, "GET", "/metrics").Code }()
	}
	for range readAtOne {
		<-entered
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/metrics", nil))
	if body, _ := io.ReadAll(w.Body); w.Code != 503 || !strings.Contains(string(body), "wait for other readers") {
		t.Errorf("%d: %s", w.Code, body)
	}
	for range askers {
		leave <- struct{}{}
		if code := <-answered; code != 200 {
			t.Error(code)
		}
	}
	if got := most.Load(); got != readAtOne {
		t.Errorf("%d were read for at once", got)
	}
}

// BenchmarkAnswer is an answer of 100 sites without what the host takes to be read.
func BenchmarkAnswer(b *testing.B) {
	m := busy()
	alice := m.Sites[0]
	m.Sites = nil
	for i := range 100 {
		alice.Record = record(fmt.Sprint("site", i), site.Running)
		m.Sites = append(m.Sites, alice)
	}
	h := newHandler(func(context.Context) (engine.Metrics, error) { return m, nil })
	for b.Loop() {
		answer(h, "GET", "/metrics")
	}
	b.ReportMetric(float64(answer(h, "GET", "/metrics").Body.Len()), "bytes/answer")
}
