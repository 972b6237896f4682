package guest

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

const (
	maxConnections = 128
	requestTimeout = 5 * time.Second  // for the first message of a connection
	statusTimeout  = 10 * time.Second // for a watcher to take one status
	acceptPause    = 50 * time.Millisecond
)

// server answers on a listening unix socket: one request a connection.
type server struct {
	listener net.Listener
	admits   func(conn net.Conn, open map[net.Conn]int64) (int64, bool)
	answer   func(ctx context.Context, s *server, conn net.Conn, uid int64)
	closed   chan struct{} // by close
	serving  sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]int64 // the uid in the site of who connected
	closing bool
}

// nobody is the uid of a connection of which it is not asked who made it.
const nobody = -1

// everybody admits any connection, up to a number at a time: the host's socket, which only the host can reach.
func everybody(most int) func(net.Conn, map[net.Conn]int64) (int64, bool) {
	return func(_ net.Conn, open map[net.Conn]int64) (int64, bool) { return nobody, len(open) < most }
}

func newServer(
	l net.Listener, admits func(net.Conn, map[net.Conn]int64) (int64, bool), answer func(context.Context, *server, net.Conn, int64),
) *server {
	return &server{listener: l, admits: admits, answer: answer, closed: make(chan struct{}), conns: map[net.Conn]int64{}}
}

// serve accepts until close. ctx ends when the site begins to stop: no command is started any more, but watchers and
// followers see the end.
func (s *server) serve(ctx context.Context) {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors or memory: what is open may end
			select {
			case <-time.After(acceptPause):
			case <-s.closed:
			}
			continue
		}
		uid, ok := s.admit(conn)
		if !ok {
			conn.Close()
			continue
		}
		s.serving.Go(func() {
			defer s.forget(conn)
			s.answer(ctx, s, conn, uid)
		})
	}
}

func (s *server) admit(conn net.Conn) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nobody, false
	}
	uid, ok := s.admits(conn, s.conns)
	if ok {
		s.conns[conn] = uid
	}
	return uid, ok
}

func (s *server) forget(conn net.Conn) {
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	conn.Close()
}

// close stops accepting and gives the open connections grace to end. What is still open then ends with PID 1.
func (s *server) close(grace time.Duration) {
	s.listener.Close()
	close(s.closed)
	s.mu.Lock()
	s.closing = true
	for conn := range s.conns {
		_ = conn.SetDeadline(time.Now().Add(grace))
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.serving.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(2 * grace):
	}
}

// patient takes the deadline for the request away, now that it was read.
func (s *server) patient(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// answer serves one connection of the host.
func (g *guest) answer(ctx context.Context, s *server, conn net.Conn, _ int64) {
	_ = conn.SetReadDeadline(time.Now().Add(requestTimeout))
	var req control.Request
	if control.Read(conn, &req) != nil {
		return
	}
	s.patient(conn)
	switch {
	case req.Op == control.OpWatch:
		g.watch(conn, readerGone(conn))
	case req.Op == control.OpLogs && req.Logs != nil:
		g.logs(conn, *req.Logs, readerGone(conn))
	case req.Op == control.OpTune && req.Tune != nil:
		_ = control.Write(conn, g.tune(*req.Tune))
	case req.Op == control.OpFacts && req.Facts != nil:
		_ = control.Write(conn, g.learn(*req.Facts))
	case req.Op == control.OpExec && req.Exec != nil:
		if unix, ok := conn.(*net.UnixConn); ok {
			g.exec(ctx, unix, *req.Exec)
		}
	}
}

// readerGone returns a channel that is closed when the other end closes the connection, or sends what nobody asked for.
// The goroutine ends with the connection, which answer's caller closes.
func readerGone(conn net.Conn) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = conn.Read(make([]byte, 1))
	}()
	return gone
}

// watch sends the status now and after every change. Changes that come while one is being sent become one.
func (g *guest) watch(conn net.Conn, gone <-chan struct{}) {
	for {
		last := false
		select {
		case <-g.board.ended:
			last = true
		default:
		}
		status, changed := g.board.snapshot()
		if !last {
			_ = conn.SetWriteDeadline(time.Now().Add(statusTimeout))
		}
		if control.Write(conn, status) != nil || last {
			return
		}
		select {
		case <-changed:
		case <-g.board.ended:
		case <-gone:
			return
		}
	}
}
