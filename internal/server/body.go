package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// body is the body of a request, which may neither be slow nor stall. The deadline is of the connection: net/http takes it away
// at the body's end, from where on it reads to learn whether the client leaves.
type body struct {
	io.ReadCloser
	header  http.Header // of the answer
	control *http.ResponseController
	end     time.Time     // by which all of it must have come; the zero time is no limit
	stall   time.Duration // in which some of it must come, where end is zero

	late   bool // it did not
	broken bool // the client left in the middle of it
}

// newBody bounds the body of r until the route says what it takes; see open.
func newBody(w http.ResponseWriter, r *http.Request, whole time.Duration) *body {
	b := &body{ReadCloser: r.Body, header: w.Header(), control: http.NewResponseController(w), end: time.Now().Add(whole)}
	b.limit(b.end) // also of what no handler reads: net/http does, to use the connection again
	return b
}

// open lets the body last as long as it comes, each time within stall.
func (b *body) open(stall time.Duration) { b.end, b.stall = time.Time{}, stall }

func (b *body) limit(t time.Time) { _ = b.control.SetReadDeadline(t) } // fails only on a closed connection

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	end := b.end
	if end.IsZero() {
		end = time.Now().Add(b.stall)
	}
	b.limit(end) // each time: huma takes it away
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		b.late = true // and the deadline stays: nothing more is read
		b.header.Set("Connection", "close")
	} else if err != nil && !errors.Is(err, io.EOF) {
		b.broken = true
	}
	return n, err
}
