package proxy

import (
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/logis-project/logis/internal/route"
)

// target is one site as the data path sees it.
type target struct {
	route.Route
	proxy  *httputil.ReverseProxy // to Route.Upstream
	active *atomic.Int32          // requests running; outlives a change of the route
	counts *counts                // requests that are over; as active does
}

// table holds the routes by site and by domain. Safe for concurrent use.
type table struct {
	forward *forwarder
	noSite  counts       // requests for none
	since   atomic.Int64 // when all counts began, Unix milliseconds: a predecessor's are gone on with

	mu       sync.RWMutex
	bySite   map[string]*target
	byDomain map[string]*target
}

func newTable(forward *forwarder) *table {
	t := &table{forward: forward, bySite: make(map[string]*target), byDomain: make(map[string]*target)}
	t.since.Store(time.Now().UnixMilli())
	return t
}

// lookup returns the target of a host name in canonical form, or nil.
func (t *table) lookup(host string) *target {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byDomain[host]
}

// has says whether a site has a route.
func (t *table) has(site string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.bySite[site] != nil
}

// set adds r or puts it in place of the site's present route. Of two sites with one domain the later has it.
func (t *table) set(r route.Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.removeLocked(r.Site)
	t.addLocked(r, old)
	if old != nil && (old.Upstream != r.Upstream || r.State != route.Up) {
		t.forward.transport.CloseIdleConnections() // a restarted site would reset them under the next request
	}
}

// delete removes the route of site, if there is one.
func (t *table) delete(site string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.removeLocked(site) != nil {
		t.forward.transport.CloseIdleConnections()
	}
}

// replace puts routes in place of all.
func (t *table) replace(routes []route.Route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.bySite
	t.bySite = make(map[string]*target, len(routes))
	t.byDomain = make(map[string]*target, len(routes))
	for _, r := range routes {
		t.addLocked(r, old[r.Site])
	}
	t.forward.transport.CloseIdleConnections()
}

// routes returns a copy of all routes, by site.
func (t *table) routes() []route.Route {
	t.mu.RLock()
	defer t.mu.RUnlock()
	routes := make([]route.Route, 0, len(t.bySite))
	for _, s := range t.bySite {
		routes = append(routes, s.Route)
	}
	slices.SortFunc(routes, func(a, b route.Route) int { return strings.Compare(a.Site, b.Site) })
	return routes
}

func (t *table) addLocked(r route.Route, old *target) {
	n := &target{Route: r, active: new(atomic.Int32), counts: &counts{}}
	if old != nil {
		n.active, n.counts = old.active, old.counts
	}
	n.proxy = t.forward.to(r.Site, r.Upstream.String())
	t.bySite[r.Site] = n
	for _, d := range r.Domains {
		t.byDomain[d] = n
	}
}

func (t *table) removeLocked(site string) *target {
	old := t.bySite[site]
	if old == nil {
		return nil
	}
	delete(t.bySite, site)
	for _, d := range old.Domains {
		if t.byDomain[d] == old {
			delete(t.byDomain, d)
		}
	}
	return old
}
