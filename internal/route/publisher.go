package route

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// maxSessions bounds the proxies connected at once. One is usual, two while one replaces the other; past the bound the
// oldest goes.
const maxSessions = 4

// Options of a Publisher.
type Options struct {
	Socket   string // path; a stale socket there is replaced
	UID, GID int    // of logis-proxy: owner of the socket and, beside root, the only peer; -1 leaves it to root
	Log      *slog.Logger

	AckTimeout      time.Duration // that a proxy has for one change; 0 is 2 s
	SnapshotTimeout time.Duration // that a proxy has for the whole table; 0 is 10 s
}

// Publisher holds the routes and keeps every connected proxy up to date. Its methods are safe for concurrent use.
type Publisher struct {
	opts     Options
	listener *linux.Socket
	closing  chan struct{} // closed by Close
	wg       sync.WaitGroup

	counting chan struct{} // holds one while the proxies are asked; guards counted
	counted  counted
	telling  chan struct{} // holds one while a proxy is asked for a log

	mu       sync.Mutex
	closed   bool
	loaded   bool // Replace was called: until then a proxy keeps the routes it has
	routes   map[string]Route
	sessions []*session      // oldest first
	deleted  map[string]bool // sites whose routes were, since the proxies were asked for counts the last time
}

// NewPublisher listens on opts.Socket, whose directory it makes if need be. A proxy that connects gets its first table
// when Replace has been called. Close the Publisher when done.
func NewPublisher(opts Options) (*Publisher, error) {
	if opts.AckTimeout == 0 {
		opts.AckTimeout = 2 * time.Second
	}
	if opts.SnapshotTimeout == 0 {
		opts.SnapshotTimeout = 10 * time.Second
	}
	if err := os.MkdirAll(filepath.Dir(opts.Socket), 0o755); err != nil {
		return nil, fmt.Errorf("make directory of the proxy socket: %w", err)
	}
	l, err := linux.ListenUnix(opts.Socket, 0o600, opts.UID, opts.GID)
	if err != nil {
		return nil, fmt.Errorf("listen for logis-proxy: %w", err)
	}
	p := &Publisher{opts: opts, listener: l, closing: make(chan struct{}), counting: make(chan struct{}, 1), telling: make(chan struct{}, 1), routes: make(map[string]Route), deleted: make(map[string]bool)}
	p.wg.Go(p.accept)
	return p, nil
}

// Close disconnects every proxy, removes the socket and waits for all goroutines. Routes set later are kept by no one.
func (p *Publisher) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	close(p.closing)
	for _, s := range p.sessions {
		s.drop(net.ErrClosed)
	}
	p.mu.Unlock()
	err := p.listener.Close()
	p.wg.Wait()
	return err
}

// Connected reports whether a proxy is connected and has the whole table in effect.
func (p *Publisher) Connected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.sessions, func(s *session) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.why == nil && s.acked > 0 && s.table == 0
	})
}

// Replace puts routes in place of the whole table, at boot. An invalid route is left out and logged. It does not wait
// for the proxy.
func (p *Publisher) Replace(routes []Route) {
	table := make(map[string]Route, len(routes))
	for _, r := range routes {
		r = r.canonical()
		if err := publishable(r); err != nil {
			p.opts.Log.Error("route left out", "site", r.Site, "err", err)
			continue
		}
		table[r.Site] = r
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.routes {
		if _, stays := table[name]; !stays {
			p.deleted[name] = true
		}
	}
	p.routes, p.loaded = table, true
	for _, s := range p.sessions {
		s.sendTable(p.sorted())
	}
}

// Set adds the route of r.Site or puts r in place of it. It returns when every connected proxy has it in effect, at once
// when none is connected. A proxy that does not acknowledge in time is dropped, which is no error: it gets the table when
// it comes back. An error is ctx's, and then the route stays set, or wraps ErrInvalid.
func (p *Publisher) Set(ctx context.Context, r Route) error {
	r = r.canonical()
	if err := publishable(r); err != nil {
		return err
	}
	p.mu.Lock()
	p.routes[r.Site] = r
	return p.publish(ctx, Message{Op: Set, Route: &r})
}

// Delete removes the route of site, if there is one. It returns as Set does.
func (p *Publisher) Delete(ctx context.Context, site string) error {
	p.mu.Lock()
	if _, ok := p.routes[site]; !ok {
		p.mu.Unlock()
		return nil
	}
	delete(p.routes, site)
	p.deleted[site] = true
	return p.publish(ctx, Message{Op: Delete, Site: site})
}

// publish sends m to all proxies, unlocks mu, which its caller holds, and waits.
func (p *Publisher) publish(ctx context.Context, m Message) error {
	var sessions []*session
	var waits []wait
	if p.loaded {
		sessions = slices.Clone(p.sessions)
		for _, s := range sessions {
			waits = append(waits, s.send(m))
		}
	}
	p.mu.Unlock()
	for i, s := range sessions {
		if err := s.await(ctx, waits[i]); err != nil {
			return fmt.Errorf("wait for logis-proxy: %w", err)
		}
	}
	return nil
}

// publishable reports why r cannot be sent.
func publishable(r Route) error {
	if err := r.Check(); err != nil {
		return err
	}
	if _, err := (Message{Seq: 1 << 63, Op: Set, Route: &r}).Encode(nil); err != nil {
		return fmt.Errorf("%w: site %s: %w", ErrInvalid, r.Site, err)
	}
	return nil
}

// sorted returns the routes by site; mu is held.
func (p *Publisher) sorted() []Route {
	routes := make([]Route, 0, len(p.routes))
	for _, r := range p.routes {
		routes = append(routes, r)
	}
	slices.SortFunc(routes, func(a, b Route) int { return strings.Compare(a.Site, b.Site) })
	return routes
}

// accept takes proxies until the listener is closed.
func (p *Publisher) accept() {
	for {
		conn, err := p.listener.AcceptUnix()
		if err == nil {
			p.admit(conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		p.opts.Log.Error("accept logis-proxy", "err", err)
		select { // out of files or memory: give it time
		case <-p.closing:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// admit starts a session on conn, if the peer may have one.
func (p *Publisher) admit(conn *net.UnixConn) {
	if err := p.allowed(conn); err != nil {
		p.opts.Log.Warn("refused a connection to the proxy socket", "err", err)
		conn.Close()
		return
	}
	s := newSession(conn, p.opts.AckTimeout, p.opts.SnapshotTimeout)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		conn.Close()
		return
	}
	if len(p.sessions) == maxSessions {
		p.sessions[0].drop(errors.New("too many proxies connected"))
		p.sessions = p.sessions[1:]
	}
	p.sessions = append(p.sessions, s)
	if p.loaded {
		s.sendTable(p.sorted())
	}
	p.opts.Log.Info("logis-proxy connected", "routes", len(p.routes))
	p.wg.Go(s.write)
	p.wg.Go(func() {
		s.read()
		p.mu.Lock()
		p.sessions = slices.DeleteFunc(p.sessions, func(o *session) bool { return o == s })
		p.mu.Unlock()
		p.opts.Log.Info("logis-proxy gone", "reason", s.why)
	})
}

// allowed checks the peer by SO_PEERCRED (unix(7)): root, logis-proxy, or who runs this process.
func (p *Publisher) allowed(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("read peer: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return fmt.Errorf("read peer: %w", err)
	}
	if credErr != nil {
		return fmt.Errorf("read peer: %w", credErr)
	}
	switch uid := int(cred.Uid); uid {
	case 0, os.Geteuid(), p.opts.UID:
		return nil
	default:
		return fmt.Errorf("user %d, process %d is not logis-proxy", uid, cred.Pid)
	}
}
