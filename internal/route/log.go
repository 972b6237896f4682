package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Bounds of what a proxy tells of a site's access log.
const (
	MaxLogLine  = 1000 // bytes of a line, all printable ASCII
	MaxLogLines = 1000 // of one answer
	maxLogAt    = 64   // bytes of a position
)

// logTimeout is what a proxy has to tell of one site.
const logTimeout = 2 * time.Second

// ErrNoLog is returned where no proxy tells what it was asked.
var ErrNoLog = errors.New("no logis-proxy tells what it was asked: see that it runs, and is of this release")

// telling is what a proxy tells before it acknowledges a Log.
type telling struct {
	seq   uint64
	most  int
	lines []string
	at    string
}

// Log asks the newest proxy for the last n lines, at most MaxLogLines, of a site's access log, and where they end; with from, the
// end of an earlier answer, for those since. A line is "RFC3339Nano text", and the visitors': printable, bounded, nothing else. The
// error wraps ErrNoLog or is ctx's.
func (p *Publisher) Log(ctx context.Context, site string, n int, from string) (lines []string, at string, err error) {
	limited, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	select {
	case p.telling <- struct{}{}: // one at a time: an answer is soon read
		defer func() { <-p.telling }()
	case <-limited.Done():
		return nil, "", fmt.Errorf("%w: others are asking", ErrNoLog)
	}
	p.mu.Lock()
	var newest *session
	for _, s := range slices.Backward(p.sessions) {
		if newest == nil && s.tellsLogs() {
			newest = s
		}
	}
	p.mu.Unlock()
	if newest == nil {
		return nil, "", ErrNoLog
	}
	lines, at, err = newest.askLog(limited, site, min(n, MaxLogLines), from)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrNoLog, err)
	}
	return lines, at, err
}

func (s *session) tellsLogs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why == nil && s.logs
}

// askLog asks for a log. One that has not answered the last time is not asked again.
func (s *session) askLog(ctx context.Context, site string, n int, from string) (lines []string, at string, err error) {
	s.mu.Lock()
	if s.telling != nil {
		s.mu.Unlock()
		return nil, "", errors.New("it has not answered yet")
	}
	s.queue(Message{Op: Log, Site: site, Lines: n, From: from})
	mine := &telling{most: n, seq: s.sent}
	w := wait{seq: s.sent, done: make(chan struct{})}
	s.telling, s.waits = mine, append(s.waits, w)
	s.mu.Unlock()
	select {
	case <-w.done:
		return mine.lines, mine.at, nil // written before done was closed, and not after
	case <-s.gone:
		return nil, "", errDisconnected
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
}

// tell takes one line; mu is held.
func (s *session) tell(line string) error {
	switch {
	case s.telling == nil:
		return errors.New("a line that nobody has asked for")
	case len(s.telling.lines) == s.telling.most:
		return fmt.Errorf("more than %d lines", s.telling.most)
	}
	s.telling.lines = append(s.telling.lines, line)
	return nil
}

// told ends an answer; mu is held.
func (s *session) told(r Reply) {
	if s.telling != nil && r.Ack >= s.telling.seq {
		s.telling.at, s.telling = r.At, nil
	}
}

// CheckLogLine accepts what a line may hold.
func CheckLogLine(line string) error {
	if len(line) > MaxLogLine {
		return fmt.Errorf("a line of %d bytes", len(line))
	}
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '~' {
			return errors.New("a line that is not printable")
		}
	}
	return nil
}
