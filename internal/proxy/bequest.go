package proxy

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/route"
)

// A successor goes on with the counts of the process that it replaces. They come through a pipe, as the lines of package route:
// first all there is and an Ack with Since; then, once the predecessor's last request is over, what was added since. A successor
// of an earlier release closes the pipe, and counts from nothing as that of an earlier predecessor does.

// bequeathing bounds a write to a successor that does not read, and the successor's wait for what it begins with.
const bequeathing = 2 * time.Second

// bequest is the predecessor's end of the pipe.
type bequest struct {
	pipe  *os.File
	table *table
	given map[string]route.Tally // by site
	begun chan struct{}          // closed when all that there was has been written, or cannot be
}

// bequeath begins to write; the other end is for the successor.
func bequeath(t *table) (_ *bequest, heir *os.File, err error) {
	heir, pipe, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("pass on counts: %w", err)
	}
	b := &bequest{pipe: pipe, table: t, given: map[string]route.Tally{}, begun: make(chan struct{})}
	go func() {
		defer close(b.begun)
		b.write(route.Reply{Ack: 1, Since: t.since.Load()}.Encode(nil), patience)
	}()
	return b, heir, nil
}

// write writes what was counted since the last time, and then end.
func (b *bequest) write(end []byte, limit time.Duration) {
	var out []byte
	for _, now := range b.table.tallies() {
		fresh := now.Minus(b.given[now.Site])
		b.given[now.Site] = now
		if fresh.Total() > 0 {
			out = route.Reply{Tally: &fresh}.Encode(out)
		}
	}
	_ = b.pipe.SetWriteDeadline(time.Now().Add(limit)) // fails only on a closed file
	_, _ = b.pipe.Write(append(out, end...))           // who does not take it counts from nothing
}

// pass writes what was counted since.
func (b *bequest) pass() {
	<-b.begun
	b.write(nil, bequeathing)
}

// finish writes the rest, when nothing more is counted.
func (b *bequest) finish() {
	b.pass()
	b.pipe.Close()
}

// revoke ends it without a rest: there is no successor.
func (b *bequest) revoke() {
	b.pipe.Close()
	<-b.begun
}

// inherit adds what a predecessor has counted to t until the pipe, which it closes, or ctx ends; begun is called when all is in t
// that the predecessor had counted before this process came. Half of that is not taken.
func inherit(ctx context.Context, pipe *os.File, t *table, begun func()) {
	defer pipe.Close()
	stop := context.AfterFunc(ctx, func() { pipe.Close() })
	defer stop()
	lines := bufio.NewScanner(pipe)
	lines.Buffer(make([]byte, 0, route.MaxReply), route.MaxReply)
	var first []route.Tally
	going := false
	for lines.Scan() {
		r, err := route.ParseReply(lines.Bytes())
		switch {
		case err != nil || going && r.Tally == nil:
			return // of a later release
		case going:
			t.merge([]route.Tally{*r.Tally})
		case r.Tally != nil:
			first = append(first, *r.Tally)
		default:
			t.since.Store(r.Since)
			t.merge(first)
			first, going = nil, true
			begun()
		}
	}
}

// pollable returns a passed pipe whose Read ends when it is closed.
func pollable(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("take over counts: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("take over counts: %w", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
