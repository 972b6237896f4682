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

// server answers on the control socket: one request a connection.
type server struct {
	guest    *guest
	listener net.Listener
	closed   chan struct{} // by close
	serving  sync.WaitGroup

	mu      sync.Mutex
	conns   map[net.Conn]bool
	closing bool
}

func newServer(g *guest, l net.Listener) *server {
	return &server{guest: g, listener: l, closed: make(chan struct{}), conns: map[net.Conn]bool{}}
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
		if !s.admit(conn) {
			conn.Close()
			continue
		}
		s.serving.Go(func() {
			defer s.forget(conn)
			s.answer(ctx, conn)
		})
	}
}

func (s *server) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing || len(s.conns) >= maxConnections {
		return false
	}
	s.conns[conn] = true
	return true
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

// answer serves one connection.
func (s *server) answer(ctx context.Context, conn net.Conn) {
	_ = conn.SetReadDeadline(time.Now().Add(requestTimeout))
	var req control.Request
	if control.Read(conn, &req) != nil {
		return
	}
	s.mu.Lock()
	if !s.closing {
		_ = conn.SetReadDeadline(time.Time{})
	}
	s.mu.Unlock()
	switch {
	case req.Op == control.OpWatch:
		s.guest.watch(conn, readerGone(conn))
	case req.Op == control.OpLogs && req.Logs != nil:
		s.guest.logs(conn, *req.Logs, readerGone(conn))
	case req.Op == control.OpTune && req.Tune != nil:
		_ = control.Write(conn, s.guest.tune(*req.Tune))
	case req.Op == control.OpExec && req.Exec != nil:
		if unix, ok := conn.(*net.UnixConn); ok {
			s.guest.exec(ctx, unix, *req.Exec)
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
