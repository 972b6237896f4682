package server

import (
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// streams knows the connections that are open and the exec and log streams on them, so that Serve can close what would
// otherwise never end and wait for all of it.
type streams struct {
	running sync.WaitGroup // connections that net/http serves, and streams

	mu     sync.Mutex
	closed bool
	open   map[io.Closer]struct{}
}

// lastWords is how long the client of a stream that logisd ends has to take what is left of it.
const lastWords = 2 * time.Second

// closer is an io.Closer that is a function.
type closer struct{ close func() error }

// Close implements io.Closer.
func (c *closer) Close() error { return c.close() }

// connState is the ConnState hook. StateNew is reported by the accept loop itself, so that no connection is added after
// http.Server.Serve has returned.
func (s *streams) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	case http.StateActive, http.StateIdle:
	}
}

// add notes a stream that closing c ends, and returns what the stream calls when it has ended. After closeAll c is closed
// at once. Call it while the connection is still net/http's, before Hijack.
func (s *streams) add(c io.Closer) (done func()) {
	s.running.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
	}
	if s.open == nil {
		s.open = make(map[io.Closer]struct{})
	}
	s.open[c] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
		s.running.Done()
	}
}

func (s *streams) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
}

// ending says whether closeAll was called: a stream that broke then was ended by logisd.
func (s *streams) ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *streams) wait() { s.running.Wait() }
