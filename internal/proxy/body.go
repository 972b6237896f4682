package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// body is the body of a request that must make progress: each Read is given stall, however long the whole takes.
type body struct {
	io.ReadCloser
	request *http.Request
	control *http.ResponseController
	stall   time.Duration

	mu     sync.Mutex
	ended  bool  // the handler has returned: the connection's deadlines are the server's again
	broken error // the visitor's fault that ended the body early
}

// newBody returns the body of r. It is for a copy of r: the server must find its own body in the one it made.
func newBody(w http.ResponseWriter, r *http.Request, stall time.Duration) *body {
	b := &body{ReadCloser: r.Body, request: r, control: http.NewResponseController(w), stall: stall}
	b.extend() // also for the server, which reads on when the handler did not
	return b
}

// Read reads what has come. It is called by the transport, possibly after the handler has returned.
func (b *body) Read(p []byte) (int, error) {
	if !b.extend() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(err, io.EOF) {
		for name := range b.request.Trailer { // filled by now
			if forged(name) {
				delete(b.request.Trailer, name)
			}
		}
		if !b.ended { // else the deadline would end a request that takes long to answer
			_ = b.control.SetReadDeadline(time.Time{})
		}
	} else if b.broken == nil {
		b.broken = err
	}
	return n, err
}

// extend gives the next read its time, unless the handler has returned.
func (b *body) extend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ended {
		_ = b.control.SetReadDeadline(time.Now().Add(b.stall)) // fails only on a closed connection
	}
	return !b.ended
}

// end is called when the handler returns.
func (b *body) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
}

// failure returns the visitor's fault that ended the body, or nil. A nil body has none.
func (b *body) failure() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}
