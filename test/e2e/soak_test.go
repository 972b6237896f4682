//go:build e2e && soak

package e2e

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/logis-project/logis/client"
)

const (
	soakSites   = 20
	soakWorkers = 3
)

// TestSoak lives with 20 sites for as long as SOAK says: commands at random, kills of logisd, logis-proxy and of PID 1s, with
// visitors and writes to every database meanwhile. At the end host and records agree, every acknowledged row is there, and
// no request has failed to a site that should be up but while logisd, or the proxy, was bringing it back. SOAK_SEED chooses
// the same numbers again; what several commands at once make of them is the machine's.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(setting("SOAK", "10m"))
	if err != nil || length <= 0 {
		t.Fatalf("SOAK is a length of time such as 10m: %v", err)
	}
	seed, err := strconv.ParseUint(setting("SOAK_SEED", strconv.FormatUint(rand.Uint64N(1e6), 10)), 10, 64)
	if err != nil {
		t.Fatalf("SOAK_SEED is a number: %v", err)
	}
	t.Logf("soaking for %v with SOAK_SEED=%d", length, seed)
	h := newHouse(t)
	h.logis(t, "create", "first") // what the host keeps from the first site on is no trace
	h.destroyAll(t)
	before := h.settled(t)

	k := newSoak(t, h, seed)
	k.live(t, length)
	k.rest(t)
	k.verify(t)
	h.destroyAll(t)
	k.ownProxy(t)
	h.compare(t, before)
}

func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// soak is one run.
type soak struct {
	house  *house
	logisd *client.Client
	seed   uint64
	sites  []*soakSite
	tally  *tally
	logs   string // a directory to leave the logs of a failed run in; "" is none

	// When these could do nothing for a site. Requests may fail while the proxy is away, commands while logisd is.
	daemonAway, proxyAway, rulesGone, halted span

	enough   context.CancelFunc // ends the run before its time
	settlers sync.WaitGroup
}

func newSoak(t *testing.T, h *house, seed uint64) *soak {
	k := &soak{house: h, logisd: client.New("/run/logis/logis.sock"), seed: seed, tally: newTally(), logs: os.Getenv("SOAK_LOGS")}
	for i := range soakSites {
		k.sites = append(k.sites, &soakSite{name: "site" + strconv.Itoa(10+i), soak: k, calmAt: time.Now()})
	}
	t.Cleanup(k.logisd.Close)
	t.Cleanup(func() { k.report(t) })
	return k
}

// random is the numbers of one of those that act, told by its own number.
func (k *soak) random(actor int) *rand.Rand { return rand.New(rand.NewPCG(k.seed, uint64(actor))) }

// live lets the host be used and broken for a time.
func (k *soak) live(t *testing.T, length time.Duration) {
	visits, leave := context.WithCancel(t.Context())
	walk, stop := context.WithTimeout(t.Context(), length)
	k.enough = stop
	var visitors, workers sync.WaitGroup
	for i, s := range k.sites {
		visitors.Go(func() { s.visit(visits, k.random(1000+i), i%2 == 0) })
		visitors.Go(func() { s.write(visits, k.random(2000+i)) })
	}
	for i := range soakWorkers {
		workers.Go(func() { k.work(walk, k.random(1+i)) })
	}
	defer func() { // also when the test ends in here
		stop()
		workers.Wait()
		k.settlers.Wait()
		leave()
		visitors.Wait()
	}()
	k.wreck(t, walk)
	stop()
	workers.Wait()
	k.settlers.Wait()
	k.visited(t, visits)
}

// visited waits until every site has been visited, and written to, a few times more in peace.
func (k *soak) visited(t *testing.T, ctx context.Context) {
	t.Helper()
	since := time.Now()
	err := poll(func() error { return k.tally.peaceful(k.sites, since) })
	if err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

// violate notes what must not happen, with what logisd said about it.
func (k *soak) violate(site, format string, args ...any) {
	if k.tally.violate(site, format, args...) && k.enough != nil {
		k.enough()
	}
}

// span is when something was away, as far as it matters to what happens now.
type span struct {
	mu    sync.Mutex
	open  int
	ended time.Time
}

func (s *span) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
}

func (s *span) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	s.ended = time.Now()
}

// now reports whether it goes on.
func (s *span) now() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open > 0
}

// meets reports whether some of the time from since until now is in the span.
func (s *span) meets(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open > 0 || !s.ended.Before(since)
}
