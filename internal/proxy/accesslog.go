package proxy

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	logBuffer   = 4 << 10 // PIPE_BUF of pipe(7): a write of no more is never mixed with another process's
	logInterval = time.Second
	maxLogField = 2 << 10 // bytes of one field of a line
)

// accessLog writes one line a request: the host, then the combined log format, then the time to the last byte:
//
//	alice.localhost 203.0.113.9 - - [22/Nov/2026:21:03:00 +0000] "GET / HTTP/1.1" 200 123 "referer" "agent" 3.1ms
//
// Whole lines leave once a second, and when the buffer is full, so that two proxies, one of which replaces the other, can
// write to one file or pipe.
type accessLog struct {
	lines sync.Pool // of *[]byte

	mu  sync.Mutex
	out *bufio.Writer
}

func newAccessLog(w io.Writer) *accessLog {
	return &accessLog{out: bufio.NewWriterSize(w, logBuffer)}
}

// run flushes at intervals until ctx is done; what comes later waits for the caller's flush.
func (l *accessLog) run(ctx context.Context) {
	t := time.NewTicker(logInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = l.flush() // an error lasts: the last flush reports it
		}
	}
}

// flush writes what has been recorded.
func (l *accessLog) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Flush()
}

// record adds the line of a request that is over.
func (l *accessLog) record(ex *exchange, r *http.Request) {
	buf, _ := l.lines.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	*buf = appendLine((*buf)[:0], ex, r, time.Now())
	l.mu.Lock()
	if l.out.Available() < len(*buf) {
		_ = l.out.Flush() // so that a write ends at the end of a line
	}
	_, _ = l.out.Write(*buf)
	l.mu.Unlock()
	l.lines.Put(buf)
}

// appendLine appends the line to b.
func appendLine(b []byte, ex *exchange, r *http.Request, now time.Time) []byte {
	b = appendField(b, ex.host, true)
	b = append(b, ' ')
	b = appendField(b, visitor(r.RemoteAddr), true)
	b = append(b, " - - ["...)
	b = now.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = appendField(b, r.Method, true)
	b = append(b, ' ')
	b = appendField(b, r.RequestURI, true)
	b = append(b, ' ')
	b = appendField(b, r.Proto, true)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(ex.status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, ex.written, 10)
	b = append(b, ` "`...)
	b = appendField(b, r.Referer(), false)
	b = append(b, `" "`...)
	b = appendField(b, r.UserAgent(), false)
	b = append(b, `" `...)
	b = strconv.AppendFloat(b, float64(now.Sub(ex.start))/float64(time.Millisecond), 'f', 1, 64)
	return append(b, "ms\n"...)
}

// appendField appends s, at most maxLogField bytes of it, with everything escaped that could end the field or the line
// or steer a terminal. A word has no spaces.
func appendField(b []byte, s string, word bool) []byte {
	if s == "" {
		return append(b, '-')
	}
	cut := len(s) > maxLogField
	if cut {
		s = s[:maxLogField]
	}
	const hex = "0123456789abcdef"
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c < ' ' || c >= 0x7f || c == ' ' && word:
			b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	if cut {
		b = append(b, "..."...)
	}
	return b
}
