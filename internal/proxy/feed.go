package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/route"
)

// The pause between two attempts to reach logisd grows from the first to the last, which is well below what a logisd that
// starts waits for the proxy (route.Publisher.Await).
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

// feed is the proxy's side of the socket: it takes the routes from logisd for as long as its context lives.
type feed struct {
	socket  string
	table   *table
	changed func() // the table is no longer what it was
	sites   *siteLogs
	log     *slog.Logger

	heard   chan struct{} // closed when the first table has come, or the first attempt to get it has ended
	once    sync.Once     // closes heard
	leaving chan struct{} // closed when a successor has taken over: a connection that ends is not made again
}

func newFeed(socket string, t *table, changed func(), sites *siteLogs, log *slog.Logger) *feed {
	return &feed{
		socket: socket, table: t, changed: changed, sites: sites, log: log, heard: make(chan struct{}), leaving: make(chan struct{}),
	}
}

// await returns when the table is logisd's, where logisd is there to give it within limit.
func (f *feed) await(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-f.heard:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// run connects, and connects again when the connection ends, until ctx is done.
func (f *feed) run(ctx context.Context) {
	pause := firstPause
	waiting := false // the last attempt did not connect: said once
	for ctx.Err() == nil {
		connected, err := f.follow(ctx)
		f.once.Do(func() { close(f.heard) })
		switch {
		case ctx.Err() != nil:
			return
		case connected:
			f.log.Warn("logisd is gone: serving the routes known", "reason", err)
			pause, waiting = firstPause, true
		case !waiting:
			f.log.Info("waiting for logisd", "reason", err)
			waiting = true
		}
		select {
		case <-ctx.Done():
		case <-f.leaving:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// follow takes routes over one connection until it ends. connected is true once a whole table has come.
func (f *feed) follow(ctx context.Context) (connected bool, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", f.socket)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()

	in := &intake{feed: f}
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4<<10), route.MaxMessage)
	for lines.Scan() {
		m, err := route.ParseMessage(lines.Bytes())
		if err != nil {
			return in.synced, err
		}
		ack, err := in.apply(m)
		if err != nil {
			return in.synced, err
		}
		if !ack {
			continue
		}
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Write(f.reply(m)); err != nil {
			return in.synced, fmt.Errorf("acknowledge: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return in.synced, err
	}
	return in.synced, errors.New("connection closed")
}

// reply acknowledges m and tells what it asks for.
func (f *feed) reply(m route.Message) []byte {
	var out []byte
	ack := route.Reply{Ack: m.Seq}
	switch m.Op {
	case route.End:
		ack.Since, ack.Logs = f.table.since.Load(), true
		f.sites.keep(f.table.routes())
	case route.Delete:
		f.sites.remove(m.Site)
	case route.Log:
		if f.table.has(m.Site) {
			var lines []string
			lines, ack.At = f.sites.read(m.Site, m.Lines, m.From)
			for _, line := range lines {
				out = route.Reply{Line: line}.Encode(out)
			}
		}
	case route.Count:
		for _, t := range f.table.tallies() {
			out = route.Reply{Tally: &t}.Encode(out)
		}
	}
	return ack.Encode(out)
}

// intake is what one connection has brought so far.
type intake struct {
	*feed
	seq     uint64
	loading bool          // between Begin and End
	fresh   []route.Route // of the table that is loading
	synced  bool          // a whole table has come
}

// apply takes one message and says whether it is to be acknowledged.
func (in *intake) apply(m route.Message) (ack bool, err error) {
	if m.Seq != in.seq+1 {
		return false, fmt.Errorf("message %d after %d", m.Seq, in.seq)
	}
	in.seq = m.Seq
	if m.Op == route.Set {
		if err := m.Route.Check(); err != nil { // of a newer logisd: the other sites must not suffer
			in.log.Error("route passed over", "err", err)
			return !in.loading, nil
		}
	}
	switch {
	case (m.Op == route.Count || m.Op == route.Log) && in.synced && !in.loading:
		return true, nil
	case m.Op == route.Begin:
		in.loading, in.fresh = true, nil
		return false, nil
	case m.Op == route.Set && in.loading:
		in.fresh = append(in.fresh, *m.Route)
		return false, nil
	case m.Op == route.Set && in.synced:
		in.table.set(*m.Route)
	case m.Op == route.Delete && in.synced && !in.loading:
		in.table.delete(m.Site)
	case m.Op == route.End && in.loading:
		in.table.replace(in.fresh)
		in.log.Info("routes taken from logisd", "routes", len(in.fresh))
		in.loading, in.fresh, in.synced = false, nil, true
		in.once.Do(func() { close(in.heard) })
	default:
		return false, fmt.Errorf("message %q out of order", m.Op)
	}
	in.changed()
	return true, nil
}
