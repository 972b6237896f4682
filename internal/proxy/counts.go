package proxy

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/logis-project/logis/internal/route"
)

// counts are a site's requests that are over: the atomic form of a route.Tally. Nothing waits for another to count.
type counts struct {
	classes [5]atomic.Int64
	took    [len(route.Buckets) + 1]atomic.Int64
	nanos   atomic.Int64
}

// add counts one request. The status may be a site's word: what is none is the site's fault.
func (c *counts) add(status int, took time.Duration) {
	class := status/100 - 1
	if class < 0 || class >= len(c.classes) {
		class = len(c.classes) - 1
	}
	c.classes[class].Add(1)
	if status == http.StatusSwitchingProtocols { // it lasted as long as a visitor stayed
		return
	}
	bucket := 0
	for bucket < len(route.Buckets) && took > route.Buckets[bucket] {
		bucket++
	}
	c.took[bucket].Add(1)
	c.nanos.Add(int64(max(took, 0)))
}

// merge adds what another process has counted.
func (c *counts) merge(t route.Tally) {
	for i := range c.classes {
		c.classes[i].Add(t.Classes[i])
	}
	for i := range c.took {
		c.took[i].Add(t.Took[i])
	}
	c.nanos.Add(t.Nanos)
}

// tally returns the numbers. Those of a request that ends meanwhile may be in it in part.
func (c *counts) tally(site string) route.Tally {
	t := route.Tally{Site: site, Nanos: c.nanos.Load()}
	for i := range c.classes {
		t.Classes[i] = c.classes[i].Load()
	}
	for i := range c.took {
		t.Took[i] = c.took[i].Load()
	}
	return t
}

// tallies returns those of all sites, and of none, that had a request.
func (t *table) tallies() []route.Tally {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var tallies []route.Tally
	add := func(tally route.Tally) {
		if tally.Total() > 0 {
			tallies = append(tallies, tally)
		}
	}
	add(t.noSite.tally(""))
	for name, s := range t.bySite {
		add(s.counts.tally(name))
	}
	return tallies
}

// merge adds what a predecessor has counted. Sites that it knew and this process does not are gone.
func (t *table) merge(tallies []route.Tally) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, tally := range tallies {
		if tally.Site == "" {
			t.noSite.merge(tally)
		} else if s := t.bySite[tally.Site]; s != nil {
			s.counts.merge(tally)
		}
	}
}
