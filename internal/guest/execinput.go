package guest

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	inputFrames = 16                     // frames of input that wait for a command that does not read
	hangupPoll  = 250 * time.Millisecond // between two looks at a connection that is not being read
	endOfInput  = 4                      // ^D, what a terminal takes as the end of input
)

var errGone = errors.New("client has gone")

// inputQueue stands between the frames and the command's input, so that a command that does not read its input can still
// be sent a signal or a window size.
type inputQueue struct {
	x       *execution
	chunks  chan []byte
	closed  bool
	writing sync.WaitGroup
}

func newInputQueue(x *execution) *inputQueue {
	q := &inputQueue{x: x, chunks: make(chan []byte, inputFrames)}
	q.writing.Go(q.write)
	return q
}

// put queues p; an empty p is the end of the input, and what follows it is dropped. While the queue is full the
// connection is not read, so put looks itself whether the client is still there.
func (q *inputQueue) put(p []byte) error {
	if q.closed {
		return nil
	}
	if len(p) == 0 {
		q.closed = true
		close(q.chunks)
		return nil
	}
	for {
		select {
		case q.chunks <- p:
			return nil
		case <-q.x.process.done:
			return nil
		case <-time.After(hangupPoll):
			if hungUp(q.x.conn) {
				return errGone
			}
		}
	}
}

// end ends the queue and waits for what it holds: to be written, or to fail because the command has ended.
func (q *inputQueue) end() {
	_ = q.put(nil)
	q.writing.Wait()
}

func (q *inputQueue) write() {
	failed := false
	for p := range q.chunks {
		if !failed {
			_, err := q.x.stdin.Write(p)
			failed = err != nil // the command has closed its input, and may do so
		}
	}
	if q.x.tty == nil {
		q.x.stdin.Close()
	} else if !failed {
		_, _ = q.x.stdin.Write([]byte{endOfInput})
	}
}

// awaitHangup returns when the command has ended, or the client closed the other half of the connection too, which fails
// the execution.
func (x *execution) awaitHangup() {
	tick := time.NewTicker(hangupPoll)
	defer tick.Stop()
	for {
		if hungUp(x.conn) {
			x.fail()
			return
		}
		select {
		case <-tick.C:
		case <-x.process.done:
			return
		case <-x.broken:
			return
		}
	}
}

// hungUp says whether the other end of a unix socket is closed both ways: poll(2) tells that from a half-closed one,
// read(2) does not.
func hungUp(conn *net.UnixConn) bool {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n == 1 && fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	return err != nil || gone
}
