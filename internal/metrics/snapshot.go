package metrics

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// snapshot is the prometheus.Collector of one answer: what was read at one time.
type snapshot struct {
	engine.Metrics
	took time.Duration
}

// Describe implements prometheus.Collector.
func (s *snapshot) Describe(out chan<- *prometheus.Desc) {
	for _, f := range families() {
		if f.name != buildInfo.name { // the process's own
			out <- f.desc
		}
	}
}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(out chan<- prometheus.Metric) {
	s.host(out)
	for _, one := range s.Sites {
		name := one.Record.Name()
		for _, f := range siteFamilies {
			if v, ok := f.of(one); ok {
				out <- f.value(v, name)
			}
		}
		for _, v := range one.Services {
			out <- serviceUp.value(truth(v.State == "running"), name, v.Name)
			out <- serviceReady.value(truth(v.Ready), name, v.Name)
			out <- serviceAgain.value(float64(max(v.Restarts, 0)), name, v.Name)
		}
		if s.Counted != nil {
			requestsOf(out, name, one.Requests)
		}
	}
}

func (s *snapshot) host(out chan<- prometheus.Metric) {
	states := map[site.State]int{}
	for _, one := range s.Sites {
		states[one.State]++
	}
	for _, state := range []site.State{site.Creating, site.Stopped, site.Starting, site.Running, site.Asleep, site.Stopping, site.Failed, site.Destroying} {
		out <- sites.value(float64(states[state]), string(state))
	}
	if s.PoolErr == nil {
		out <- poolSize.value(float64(s.Pool.Size))
		out <- poolUsed.value(float64(s.Pool.Used))
		out <- poolFree.value(float64(s.Pool.Free))
	}
	out <- proxyUp.value(truth(s.Proxy))
	if s.Counted != nil {
		out <- proxySince.value(float64(s.Counted.Since.UnixMilli()) / 1000)
		out <- noSite.value(float64(s.Counted.NoSite.Total()))
	}
	out <- reads.value(truth(s.PoolErr == nil), "pool")
	out <- reads.value(truth(s.DisksErr == nil), "disks")
	out <- reads.value(truth(s.TrafficErr == nil), "network")
	out <- reads.value(truth(s.Counted != nil), "requests")
	out <- readSeconds.value(s.took.Seconds())
}

func requestsOf(out chan<- prometheus.Metric, name string, t route.Tally) {
	for i, n := range t.Classes {
		out <- requests.value(float64(n), name, fmt.Sprintf("%dxx", i+1))
	}
	buckets, sum := map[float64]uint64{}, uint64(0)
	for i, n := range t.Took {
		sum += uint64(n)
		if i < len(route.Buckets) {
			buckets[route.Buckets[i].Seconds()] = sum
		}
	}
	out <- prometheus.MustNewConstHistogram(durations.desc, sum, time.Duration(t.Nanos).Seconds(), buckets, name)
}
