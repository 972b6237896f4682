// Package proxy is the reverse proxy in front of all websites: it owns the routes that logis-proxy holds in memory and on
// disk, the data path from visitor to site, and the confinement of its own process. It must not need logisd to serve what
// it already knows, must not trust a visitor's headers or a site's answers, and must not call into the rest of logis: what
// it knows comes over the socket of package route.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options of a Server.
type Options struct {
	HTTP      []Socket  // see Inherited.Listen; Run closes them
	Socket    string    // where logisd publishes the routes
	StateDir  string    // of routes.json and pid; must exist and be writable for routes to outlive the process
	AccessLog io.Writer // one line a request
	Log       *slog.Logger
	Limits    Limits
	Sites     netip.Prefix // the IPv6 network that the sites share: each of its addresses is a visitor by itself

	Ready   func()           // called once visitors are served; may be nil
	Counts  *os.File         // from the predecessor, whose counts this Server goes on with; nil is none. Run closes it
	Replace <-chan os.Signal // what arrives asks for a successor
	// HandOver starts one on the same sockets, with what is to be its Counts; nil: it serves, and this Server ends.
	HandOver func(ctx context.Context, counts *os.File) error
}

// Limits of time and number; a zero field takes its default.
type Limits struct {
	Header   time.Duration // from a request's first byte to the end of its headers: 10 s
	Idle     time.Duration // of a visitor's connection between requests: 75 s
	Stall    time.Duration // without progress of a request's body, or of a write to the visitor: 60 s
	Dial     time.Duration // to connect to a site: 3 s
	Response time.Duration // from the end of a request to a site's response headers: 5 min
	Drain    time.Duration // for running requests when Run ends: 10 s
	Farewell time.Duration // of it, for connections without a request: 1 s
	Routes   time.Duration // that the first visitor waits for logisd's table, where logisd is there: 1 s
	Clients  int           // connections from visitors at once: what the limit of open files allows
	PerSite  int           // requests at once for one site: a quarter of Clients

	PerVisitor int // connections at once of one IPv4 address or IPv6 network: an eighth of Clients
}

func (l Limits) withDefaults() Limits {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&l.Header, 10*time.Second)
	def(&l.Idle, 75*time.Second)
	def(&l.Stall, time.Minute)
	def(&l.Dial, 3*time.Second)
	def(&l.Response, 5*time.Minute)
	def(&l.Drain, 10*time.Second)
	def(&l.Farewell, time.Second)
	def(&l.Routes, time.Second)
	if l.Clients == 0 {
		l.Clients = clientLimit()
	}
	if l.PerSite == 0 {
		l.PerSite = max(1, l.Clients/4)
	}
	if l.PerVisitor == 0 {
		l.PerVisitor = max(1, l.Clients/8)
	}
	return l
}

// Server is a reverse proxy, ready to Run.
type Server struct {
	opts  Options
	table *table
	store *store
	feed  *feed
	http  *http.Server
	serve *handler
	gate  *gate
	log   *accessLog
	sites *siteLogs
	pid   pidFile
	heir  *bequest // of a successor that has taken over
}

// New returns a Server that already knows the routes kept in opts.StateDir.
func New(opts Options) *Server {
	opts.Limits = opts.Limits.withDefaults()
	forward := newForwarder(opts.Limits, opts.Log)
	t := newTable(forward)
	s := &Server{opts: opts, table: t, store: newStore(opts.StateDir, t, opts.Log), log: newAccessLog(opts.AccessLog)}
	s.sites = newSiteLogs(opts.StateDir, t.has, opts.Log)
	s.feed = newFeed(opts.Socket, t, s.store.changed, s.sites, opts.Log)
	s.gate = newGate(opts.Limits.Clients, opts.Limits.Stall, newVisitors(opts.Limits.PerVisitor, opts.Sites, opts.Log))
	s.pid = pidFile{filepath.Join(opts.StateDir, "pid"), opts.Log}
	s.serve = &handler{table: t, limits: opts.Limits, log: s.log, sites: s.sites}
	s.http = &http.Server{
		Handler:                      s.serve,
		ReadHeaderTimeout:            opts.Limits.Header,
		IdleTimeout:                  opts.Limits.Idle,
		MaxHeaderBytes:               64 << 10,
		DisableGeneralOptionsHandler: true, // so that OPTIONS * is logged like the rest
		ErrorLog:                     slog.NewLogLogger(opts.Log.Handler(), slog.LevelWarn),
	}
	s.http.Protocols = new(http.Protocols)
	s.http.Protocols.SetHTTP1(true)
	return s
}

// Run serves until ctx is done or a successor has taken over, then finishes the running requests, at most for Limits.Drain,
// and keeps the routes. It returns an error if a listener fails.
func (s *Server) Run(ctx context.Context) error {
	s.store.load()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s.http.BaseContext = func(net.Listener) context.Context { return requests }

	var own sync.WaitGroup
	heritage, disinherit := context.WithCancel(context.WithoutCancel(ctx))
	defer disinherit()
	predecessor := s.inherit(heritage, &own) // before logisd can ask for counts
	own.Go(func() { s.feed.run(ctx) })
	own.Go(func() { s.store.run(ctx) })
	own.Go(func() { s.log.run(requests) })
	own.Go(func() { s.sites.run(requests) })
	s.feed.await(ctx, s.opts.Limits.Routes)

	var listeners []net.Listener
	failed := make(chan error, len(s.opts.HTTP))
	for _, socket := range s.opts.HTTP {
		l := s.gate.listener(socket)
		listeners = append(listeners, l)
		go func() { failed <- s.http.Serve(l) }()
	}
	s.pid.write()
	if s.opts.Ready != nil {
		s.opts.Ready()
	}
	serving := len(listeners)
	handed, err := s.await(ctx, failed)
	if err != nil {
		serving--
	}
	if !handed { // else systemd knows the successor as the service, which does not end
		notify(s.opts.Log, "STOPPING=1")
	}
	s.drain(context.WithoutCancel(ctx), handed, listeners)
	for range serving {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	cut() // WebSockets, which the server does not know
	s.serve.running.Wait()
	if s.heir != nil { // while logisd is told by this process too
		s.heir.pass()
	}
	cancel()
	if s.heir != nil {
		select {
		case <-predecessor: // its last counts are passed on
		case <-time.After(s.opts.Limits.Drain): // which it had since before this process began to end
		}
		s.heir.finish()
	}
	disinherit()
	own.Wait()
	s.table.forward.transport.CloseIdleConnections()
	s.pid.remove()
	s.sites.flush()
	if e := s.log.flush(); e != nil {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// drain stops accepting and gives the running requests Limits.Drain. A connection that is closed while its request is on the way
// is a failed request, and http.Server.Shutdown closes those that are idle, and answers nothing that it has not read by then,
// on a new one neither. So the connections have Limits.Farewell before to ask once more; when this Server has handed over, so
// that nobody waits for its end, they and WebSockets have all of Limits.Drain.
func (s *Server) drain(ctx context.Context, handed bool, listeners []net.Listener) {
	ctx, stop := context.WithTimeout(ctx, s.opts.Limits.Drain)
	defer stop()
	s.serve.leaving.Store(true)
	for _, l := range listeners {
		l.Close()
	}
	farewell := s.opts.Limits.Farewell
	if handed {
		close(s.feed.leaving)
		farewell = s.opts.Limits.Drain
	}
	last, done := context.WithTimeout(ctx, farewell)
	s.gate.await(last)
	done()
	if err := s.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		s.opts.Log.Warn("requests were cut off", "after", s.opts.Limits.Drain)
		_ = s.http.Close() // of the listeners, which are closed
	}
}
