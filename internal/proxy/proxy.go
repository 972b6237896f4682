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
	"sync"
	"time"
)

// Options of a Server.
type Options struct {
	HTTP      []net.Listener // see Listen; Run closes them
	Socket    string         // where logisd publishes the routes
	StateDir  string         // of routes.json; must exist and be writable for routes to outlive the process
	AccessLog io.Writer      // one line a request
	Log       *slog.Logger
	Limits    Limits
}

// Limits of time and number; a zero field takes its default.
type Limits struct {
	Header   time.Duration // from a request's first byte to the end of its headers: 10 s
	Idle     time.Duration // of a visitor's connection between requests: 75 s
	Stall    time.Duration // without progress of a request's body, or of a write to the visitor: 60 s
	Dial     time.Duration // to connect to a site: 3 s
	Response time.Duration // from the end of a request to a site's response headers: 5 min
	Drain    time.Duration // for running requests when Run ends: 10 s
	Clients  int           // connections from visitors at once: what the limit of open files allows
	PerSite  int           // requests at once for one site: a quarter of Clients
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
	if l.Clients == 0 {
		l.Clients = clientLimit()
	}
	if l.PerSite == 0 {
		l.PerSite = max(1, l.Clients/4)
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
	log   *accessLog
}

// New returns a Server that already knows the routes kept in opts.StateDir.
func New(opts Options) *Server {
	opts.Limits = opts.Limits.withDefaults()
	forward := newForwarder(opts.Limits, opts.Log)
	t := newTable(forward)
	s := &Server{opts: opts, table: t, store: newStore(opts.StateDir, t, opts.Log), log: newAccessLog(opts.AccessLog)}
	s.feed = &feed{socket: opts.Socket, table: t, changed: s.store.changed, log: opts.Log}
	s.serve = &handler{table: t, limits: opts.Limits, log: s.log}
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

// Run serves until ctx is done, then finishes the running requests, at most for Limits.Drain, and keeps the routes. It
// returns an error if a listener fails.
func (s *Server) Run(ctx context.Context) error {
	s.store.load()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s.http.BaseContext = func(net.Listener) context.Context { return requests }

	var own sync.WaitGroup
	own.Go(func() { s.feed.run(ctx) })
	own.Go(func() { s.store.run(ctx) })
	own.Go(func() { s.log.run(requests) })

	gate := newGate(s.opts.Limits.Clients, s.opts.Limits.Stall)
	failed := make(chan error, len(s.opts.HTTP))
	for _, l := range s.opts.HTTP {
		go func() { failed <- s.http.Serve(gate.listener(l)) }()
	}
	var err error
	serving := len(s.opts.HTTP)
	select {
	case <-ctx.Done():
	case err = <-failed:
		serving--
	}

	drain, stop := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Limits.Drain)
	defer stop()
	if e := s.http.Shutdown(drain); errors.Is(e, context.DeadlineExceeded) {
		s.opts.Log.Warn("requests were cut off", "after", s.opts.Limits.Drain)
		_ = s.http.Close() // of the listeners, which Shutdown has closed
	}
	for range serving {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	cancel()
	cut() // WebSockets, which Shutdown does not know
	s.serve.running.Wait()
	own.Wait()
	s.table.forward.transport.CloseIdleConnections()
	if e := s.log.flush(); e != nil {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
