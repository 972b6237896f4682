// Package metrics tells programs that watch the host, such as Prometheus, what the daemon and the sites do: it owns the names, the
// texts and the HTTP answers. It changes nothing, asks the engine for all it tells, and has no label of a site's own choice: a
// site's name and the services of its image are the host's words. Names follow https://prometheus.io/docs/practices/naming/.
package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/logis-project/logis/internal/engine"
)

// Source is where the numbers come from: the engine.
type Source interface {
	Metrics(ctx context.Context) (engine.Metrics, error)
}

const (
	readTime  = 10 * time.Second // that one answer has to be read from the host, its turn awaited
	readAtOne = 2                // answers at once: each reads some small files a site
)

// Options of New.
type Options struct {
	Source  Source
	Version string // of logisd
	Log     *slog.Logger
}

// Handler answers GET /metrics.
type Handler struct {
	source Source
	log    *slog.Logger
	own    *prometheus.Registry // of the process itself
	turn   chan struct{}        // one in it for each answer that is being read
}

// New returns a Handler.
func New(o Options) *Handler {
	h := &Handler{source: o.Source, log: o.Log, own: prometheus.NewRegistry(), turn: make(chan struct{}, readAtOne)}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: buildInfo.name, Help: buildInfo.help, ConstLabels: prometheus.Labels{"version": o.Version, "goversion": runtime.Version()},
	}, func() float64 { return 1 })
	// They cannot be there twice: the registry is new.
	h.own.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/metrics":
		http.Error(w, "there is only /metrics", http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "metrics can only be read", http.StatusMethodNotAllowed)
		return
	}
	now, err := h.read(r.Context())
	if err != nil {
		h.log.Warn("metrics could not be read", "error", err)
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	all := prometheus.Gatherers{h.own, now}
	promhttp.HandlerFor(all, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelError), EnableOpenMetrics: true,
	}).ServeHTTP(w, r)
}

// read reads the numbers of one answer.
func (h *Handler) read(ctx context.Context) (prometheus.Gatherer, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for other readers: %w", ctx.Err())
	}
	began := time.Now()
	m, err := h.source.Metrics(ctx)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	return registry, registry.Register(&snapshot{Metrics: m, took: time.Since(began)})
}
