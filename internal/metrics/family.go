package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/logis-project/logis/internal/engine"
)

// family is the metrics of one name. They have the labels in their order.
type family struct {
	name   string
	help   string
	kind   string // as Prometheus has it: gauge, counter, histogram
	labels []string
	desc   *prometheus.Desc
}

const (
	gauge     = "gauge"
	counter   = "counter"
	histogram = "histogram"
)

func newFamily(name, kind, help string, labels ...string) family {
	return family{name: name, help: help, kind: kind, labels: labels, desc: prometheus.NewDesc(name, help, labels, nil)}
}

// value is one metric of the family.
func (f family) value(v float64, labels ...string) prometheus.Metric {
	kind := prometheus.GaugeValue
	if f.kind == counter {
		kind = prometheus.CounterValue
	}
	return prometheus.MustNewConstMetric(f.desc, kind, v, labels...)
}

// truth is 1 for true.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// siteFamily is a family with one number a site; ok is false for a site that has none now.
type siteFamily struct {
	family
	of func(s engine.SiteStats) (v float64, ok bool)
}

// always is for numbers that every site has.
func always[N int64 | float64](of func(engine.SiteStats) N) func(engine.SiteStats) (float64, bool) {
	return func(s engine.SiteStats) (float64, bool) { return float64(of(s)), true }
}

// running is for numbers of a site that runs.
func running[N int64 | float64](of func(engine.SiteStats) N) func(engine.SiteStats) (float64, bool) {
	return func(s engine.SiteStats) (float64, bool) { return float64(of(s)), !s.StartedAt.IsZero() }
}
