package engine

import (
	"slices"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

// live is what is known of a site beyond its record: its state, its container and what its PID 1 says.
type live struct {
	mu        sync.Mutex
	state     site.State
	failure   string // why state is Failed
	container *container.Container
	services  []control.Service
	ready     bool
	stopping  bool           // the end of the container is wanted
	answered  map[string]int // restarts of each service when it answered last
	failing   failing        // a service that ends at every start: state is then Failed though the container runs
	failures  restraint      // of telling of such
	changed   chan struct{}  // closed at every change

	unmet string // why limits are not those of the record

	unshaped string // why its bandwidth is not that of the record

	readySince time.Time     // zero while not every service is ready
	told       string        // the failure that events tell of already
	pause      time.Duration // before the last start that keepUp made
	keptUp     bool          // keepUp runs
	restarts   int64         // that keepUp made

	telling telling // what it was told of itself

	strain strain // how near the site is to its limits, as far as events tell
}

const (
	firstPause = time.Second // before a site that ended by itself is started again; doubles
	longPause  = time.Minute
	goodWhile  = time.Minute // a site that was ready for so long begins with firstPause again
)

func newLive() *live { return &live{state: site.Stopped, changed: make(chan struct{})} }

// snapshot is a copy of what live holds.
type snapshot struct {
	state     site.State
	failure   string
	container *container.Container
	services  []control.Service
	ready     bool
	failing   failing
	restarts  int64
	changed   <-chan struct{}
}

func (l *live) snapshot() snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return snapshot{l.state, l.failure, l.container, slices.Clone(l.services), l.ready, l.failing, l.restarts, l.changed}
}

// set moves the site to a state.
func (l *live) set(state site.State, failure string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state, l.failure = state, failure
	l.notify()
}

// run takes a container that was started or adopted.
func (l *live) run(c *container.Container, state site.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.container, l.services, l.ready, l.stopping, l.unmet = c, nil, false, false, ""
	l.state, l.failure, l.answered, l.failing = state, "", nil, failing{}
	l.strain.renew()
	l.notify()
}

// report takes what PID 1 says of its services. The first time all are ready, a starting site is running. It tells whether to
// tell of one that ends at every start.
func (l *live) report(c *container.Container, status control.Status) (tell bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.container != c {
		return false // of a container that is no more
	}
	if status.Ready && !l.ready {
		l.readySince, l.told = time.Now(), ""
	}
	l.services, l.ready = status.Services, status.Ready
	if status.Ready && l.state == site.Starting {
		l.state = site.Running
	}
	tell = l.judge(status)
	l.notify()
	return tell
}

// stop says that the container's end is wanted from here on, and returns it; nil when there is none.
func (l *live) stop(state site.State) *container.Container {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopping, l.state = true, state
	l.notify()
	return l.container
}

// unexpected tells whether c is still the site's container and nobody wanted its end.
func (l *live) unexpected(c *container.Container) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.container == c && !l.stopping
}

// died says that the container ended though nobody wanted it to: whoever waits for the site to be ready waits for the next one.
func (l *live) died(c *container.Container) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.container == c {
		l.services, l.ready = nil, false
		l.notify()
	}
}

// gone forgets the container.
func (l *live) gone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.container, l.services, l.ready, l.failing = nil, nil, false, failing{}
	l.notify()
}

// beginKeepUp reports whether the caller is the only one to keep the site up; it then calls endKeepUp.
func (l *live) beginKeepUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	begun := !l.keptUp
	l.keptUp = true
	return begun
}

// restarted counts a start that keepUp made.
func (l *live) restarted() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restarts++
}

func (l *live) endKeepUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keptUp = false
}

// nextPause is how long to wait before the site is started again.
func (l *live) nextPause(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pause = min(max(2*l.pause, firstPause), longPause)
	if !l.readySince.IsZero() && now.Sub(l.readySince) >= goodWhile {
		l.pause = firstPause
	}
	l.readySince = time.Time{}
	return l.pause
}

// release lets go of the container without ending it, and tells whether there was one.
func (l *live) release() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.container == nil {
		return false
	}
	_ = l.container.Close()
	return true
}

// notify wakes everyone who waits for a change; l.mu is held.
func (l *live) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}
