// Package engine holds the use cases of logisd: create, destroy, start, stop, boot and the rest. It is the only place
// that orders steps across the drivers site, image, pool, container, network, route and lxcfs; the drivers do not know each
// other. Every change is made under the site's own lock, records its intent before it acts, and undoes itself on error.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/lxcfs"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

const (
	readyTimeout = 90 * time.Second  // from the start of PID 1 to every service ready
	stopGrace    = 150 * time.Second // longer than all stop_timeouts of an image's services, the database's 60 s included
	undoTimeout  = 30 * time.Second  // of each step
)

// Options of New: the configuration and the opened drivers.
type Options struct {
	Config     config.Config
	Store      *site.Store
	Halt       *site.Halt
	Pool       *pool.Pool
	Containers *container.Runtime
	Network    *network.Network
	Routes     *route.Publisher
	View       *lxcfs.View
	Events     *event.Log // nil keeps none
	Probe      string     // path of logis-probe, for proofs
	Log        *slog.Logger
}

// Engine runs the use cases. Its methods are safe for concurrent use.
type Engine struct {
	config       config.Config
	store        *site.Store
	halt         *site.Halt
	pool         *pool.Pool
	containers   *container.Runtime
	network      *network.Network
	routes       *route.Publisher
	view         *lxcfs.View
	events       *event.Log
	log          *slog.Logger
	builds       *keyedLock
	ops          *keyedLock
	probeProgram string
	proving      sync.Mutex   // held during a proof
	images       sync.RWMutex // held for reading while an image is chosen, for writing while unused ones are removed

	background context.Context // ends at Shutdown; owns the goroutines in tasks
	cancel     context.CancelFunc
	tasks      sync.WaitGroup

	halting sync.Mutex // held while halt and halted change together

	mu       sync.Mutex
	sites    map[string]*live // of every record
	left     map[string]bool  // sites whose container may run and could not be taken over
	pass     *pass            // the last one over the sites that should run
	reported *pass            // the last one that found a site which did not run yet
	halted   bool             // no site is started
	hurry    chan struct{}    // closed when what is being stopped has no more time
}

// New returns an engine that has done nothing yet: call Boot.
func New(opts Options) *Engine {
	background, cancel := context.WithCancel(context.Background())
	return &Engine{
		config: opts.Config, store: opts.Store, halt: opts.Halt, pool: opts.Pool, containers: opts.Containers,
		network: opts.Network, routes: opts.Routes, view: opts.View, events: opts.Events, log: opts.Log, probeProgram: opts.Probe,
		builds: newKeyedLock(), ops: newKeyedLock(),
		background: background, cancel: cancel, sites: map[string]*live{}, left: map[string]bool{}, hurry: make(chan struct{}),
	}
}

// Quit makes changes that wait for a site give way, since logisd ends: a stop that was begun is finished by the next Boot.
func (e *Engine) Quit() { e.cancel() }

// Shutdown ends the engine's own work and lets go of the containers, which go on running. With none running it takes the
// host's side down: tables, bridge, cgroup, pool mount and loop device.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.Quit()
	e.tasks.Wait()
	running := 0
	e.mu.Lock()
	for _, l := range e.sites {
		if l.release() {
			running++
		}
	}
	e.mu.Unlock()
	// A Boot that failed early has adopted nothing; what lies in the run directory may run all the same.
	if names, err := e.containers.Names(); err != nil || len(names) > running {
		running = max(len(names), 1)
	}
	if running > 0 {
		e.log.Info("leaving containers running", "count", running)
		e.view.Close()
		return e.pool.Close()
	}
	errs := []error{
		e.network.Down(ctx), fault.Point("shutdown: network"),
		e.view.Down(ctx), e.containers.Down(), fault.Point("shutdown: cgroup"),
		e.pool.Sweep(ctx), e.pool.Close(), fault.Point("shutdown: pool closed"),
	}
	if e.config.Pool.Path == "" {
		errs = append(errs, e.pool.Unmount(ctx))
	}
	return errors.Join(errs...)
}

// lock takes the site's lock, so that one change at a time is made to it. The context ends when another change
// interrupts this one.
func (e *Engine) lock(ctx context.Context, name string) (context.Context, func(), error) {
	return e.ops.lock(ctx, name)
}

// live returns what is known of a site beyond its record.
func (e *Engine) live(name string) *live {
	e.mu.Lock()
	defer e.mu.Unlock()
	l, ok := e.sites[name]
	if !ok {
		l = newLive()
		e.sites[name] = l
	}
	return l
}

func (e *Engine) forget(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.left, name)
	if l, ok := e.sites[name]; ok {
		l.set(site.Destroying, "")
		delete(e.sites, name)
	}
}

// publicHost is the host name for ssh lines.
func (e *Engine) publicHost() string {
	if e.config.PublicHost != "" {
		return e.config.PublicHost
	}
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

// urls returns the addresses of the domains, with the proxy's port where it is not 80.
func (e *Engine) urls(domains []string) []string {
	suffix := ""
	if len(e.config.Proxy.HTTP) > 0 {
		if _, port, err := net.SplitHostPort(e.config.Proxy.HTTP[0]); err == nil && port != "80" {
			suffix = ":" + port
		}
	}
	urls := make([]string, 0, len(domains))
	for _, d := range domains {
		urls = append(urls, fmt.Sprintf("http://%s%s/", d, suffix))
	}
	return urls
}
