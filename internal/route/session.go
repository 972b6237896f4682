package route

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// maxBacklog bounds what waits to be written to one proxy, in bytes; 5,000 sites are about 1 MB.
const maxBacklog = 64 << 20

// session is one connected proxy. read and write run in goroutines that the publisher waits for.
type session struct {
	conn            net.Conn
	ackTimeout      time.Duration // for a change
	snapshotTimeout time.Duration // for the whole table, and for a write to be taken
	wake            chan struct{} // there is something to write; buffered, 1
	gone            chan struct{} // closed when the session has ended

	mu    sync.Mutex
	why   error  // the first reason for the end; set once gone is closed
	out   []byte // encoded, to be written
	sent  uint64 // last sequence number given out
	acked uint64
	table uint64 // sequence number of the End that is not yet acknowledged; 0 for none
	waits []wait // in the order of seq

	since    int64     // when the proxy's count began, Unix milliseconds; 0 for one that has not told
	tallying *tallying // that is not yet acknowledged
	tallied  uint64    // sequence number of its Count
	logs     bool      // the proxy has access logs to tell of
	telling  *telling  // that is not yet acknowledged
}

// wait is one sequence number whose acknowledgement somebody waits for.
type wait struct {
	seq  uint64
	done chan struct{}
}

func newSession(conn net.Conn, ackTimeout, snapshotTimeout time.Duration) *session {
	return &session{
		conn: conn, ackTimeout: ackTimeout, snapshotTimeout: snapshotTimeout,
		wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
}

// drop ends the session; the first call's reason is kept.
func (s *session) drop(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(why)
}

func (s *session) dropLocked(why error) {
	if s.why != nil {
		return
	}
	s.why = why
	close(s.gone)
	s.conn.Close()
}

// sendTable queues the whole table.
func (s *session) sendTable(routes []Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(Message{Op: Begin})
	for i := range routes {
		s.queue(Message{Op: Set, Route: &routes[i]})
	}
	s.queue(Message{Op: End})
	s.table = s.sent
	_ = s.conn.SetReadDeadline(time.Now().Add(s.snapshotTimeout)) // fails only on a closed connection, which read sees
}

// send queues one change and returns what to wait for.
func (s *session) send(m Message) wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue(m)
	w := wait{seq: s.sent, done: make(chan struct{})}
	s.waits = append(s.waits, w)
	return w
}

// queue numbers and encodes m; mu is held.
func (s *session) queue(m Message) {
	s.sent++
	m.Seq = s.sent
	out, err := m.Encode(s.out)
	if err == nil && len(out) > maxBacklog {
		err = errors.New("proxy reads too slowly")
	}
	if err != nil {
		s.dropLocked(err)
		return
	}
	s.out = out
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// await returns when w is acknowledged or the session has ended. A proxy that does not acknowledge in time is dropped:
// it gets the whole table when it comes back.
func (s *session) await(ctx context.Context, w wait) error {
	s.mu.Lock()
	limit := s.ackTimeout
	if s.table != 0 {
		limit = s.snapshotTimeout
	}
	s.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-s.gone:
	case <-timer.C:
		s.drop(fmt.Errorf("no acknowledgement within %s", limit))
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// write sends what is queued until the session ends.
func (s *session) write() {
	for {
		select {
		case <-s.gone:
			return
		case <-s.wake:
		}
		s.mu.Lock()
		out := s.out
		s.out = nil
		s.mu.Unlock()
		if len(out) == 0 {
			continue
		}
		_ = s.conn.SetWriteDeadline(time.Now().Add(s.snapshotTimeout))
		if _, err := s.conn.Write(out); err != nil {
			s.drop(fmt.Errorf("write routes: %w", err))
			return
		}
	}
}

// read takes replies until the session ends.
func (s *session) read() {
	lines := bufio.NewScanner(s.conn)
	lines.Buffer(make([]byte, 0, MaxReply), MaxReply)
	for lines.Scan() {
		r, err := ParseReply(lines.Bytes())
		if err == nil {
			err = s.take(r)
		}
		if err != nil {
			s.drop(err)
			return
		}
	}
	err := lines.Err()
	if err == nil {
		err = errDisconnected
	}
	s.drop(err)
}

// errDisconnected is the reason of a session that the proxy ended.
var errDisconnected = errors.New("proxy disconnected")

// take takes one reply.
func (s *session) take(r Reply) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Tally != nil {
		return s.tally(*r.Tally)
	}
	if r.Line != "" {
		return s.tell(r.Line)
	}
	if r.Since != 0 {
		s.since = r.Since
	}
	s.logs = s.logs || r.Logs
	s.told(r)
	return s.acknowledge(r.Ack)
}

// acknowledge wakes those who wait for seq or for less; mu is held.
func (s *session) acknowledge(seq uint64) error {
	if seq <= s.acked || seq > s.sent {
		return fmt.Errorf("acknowledgement %d after %d, %d sent", seq, s.acked, s.sent)
	}
	s.acked = seq
	if s.table != 0 && seq >= s.table {
		s.table = 0
		_ = s.conn.SetReadDeadline(time.Time{})
	}
	if s.tallying != nil && seq >= s.tallied {
		s.tallying = nil
	}
	for len(s.waits) > 0 && s.waits[0].seq <= seq {
		close(s.waits[0].done)
		s.waits = s.waits[1:]
	}
	return nil
}
