package event

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Kept is how many events a Log remembers: a boot of 5,000 sites and what led to it.
const Kept = 10_000

// Options of Open.
type Options struct {
	Path    string       // of the file; "" keeps events in memory alone
	MaxSize int64        // of the file in bytes, before it becomes Path.1 in place of the one before; 0 is 1 MiB
	Log     *slog.Logger // told when the file cannot be written; nil tells nobody
}

// Log is the events of one state directory. Its methods are safe for concurrent use, those of a nil Log do nothing.
type Log struct {
	log *slog.Logger

	mu      sync.Mutex
	ring    []Event // the event with number n is at n % Kept
	next    uint64  // number of the next event
	changed chan struct{}
	file    file
}

// Open returns the log with what its files hold. It never fails: what cannot be read is left out, and what cannot be
// written is kept in memory.
func Open(opts Options) *Log {
	l := &Log{log: opts.Log, changed: make(chan struct{}), file: file{path: opts.Path, limit: opts.MaxSize}}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.file.limit == 0 {
		l.file.limit = defaultSize
	}
	if l.file.path == "" {
		return l
	}
	err := l.file.read(func(e Event) { l.remember(e) })
	if err == nil {
		err = l.file.open() // now, so that the files of a state directory do not depend on what happens
	}
	if err != nil {
		l.log.Warn("events: cannot use the file", "error", err)
	}
	return l
}

// Add records an event, at the time of now unless it has one. It does not wait for a disk's platter nor for a follower,
// and cannot fail: a disk that is full loses the line on disk, which the log is told of once.
func (l *Log) Add(e Event) {
	if l == nil {
		return
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e, ok := tidy(e)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(e)
	close(l.changed)
	l.changed = make(chan struct{})
	failing := l.file.failing
	if err := l.file.add(e); err != nil && !failing {
		l.log.Warn("events: cannot write the file: events are kept in memory until it can be", "error", err)
	}
}

// Close closes the file. Events that come later are kept in memory.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file.path = ""
	return l.file.close()
}

// Last calls each for the last n events, oldest first.
func (l *Log) Last(n int, each func(Event) error) error {
	if l == nil {
		return nil
	}
	at, end := l.span(n)
	_, err := l.walk(at, end, each)
	return err
}

// Follow calls each for the last n events, oldest first, and then for those that come, until ctx is done; it returns
// ctx's error or that of each. Where each is so slow that events are forgotten before it has seen them, it gets one of
// type Lost in their place.
func (l *Log) Follow(ctx context.Context, n int, each func(Event) error) error {
	if l == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	at, _ := l.span(n)
	for {
		l.mu.Lock()
		end, changed := l.next, l.changed
		l.mu.Unlock()
		var err error
		if at, err = l.walk(at, end, each); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// span returns the numbers of the last n events: the first, and the one after the last.
func (l *Log) span(n int) (at, end uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - uint64(min(max(n, 0), len(l.ring))), l.next
}

// walk calls each for the events from number at to end, without the lock, and returns where it stopped.
func (l *Log) walk(at, end uint64, each func(Event) error) (uint64, error) {
	for at < end {
		e, lost := l.event(at)
		at += lost
		if lost > 0 {
			e = Event{Time: time.Now(), Type: Lost, Message: fmt.Sprintf("%d events came faster than they were read", lost)}
			e, _ = tidy(e)
		} else {
			at++
		}
		if err := each(e); err != nil {
			return at, err
		}
	}
	return at, nil
}

// event returns the event with a number, or how many from there on are forgotten.
func (l *Log) event(number uint64) (_ Event, lost uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first := l.next - uint64(len(l.ring)); number < first {
		return Event{}, first - number
	}
	return l.ring[number%Kept], 0
}

// remember puts an event into the ring. l.mu is held, or the log nobody else's yet.
func (l *Log) remember(e Event) {
	if len(l.ring) < Kept {
		l.ring = append(l.ring, e)
	} else {
		l.ring[l.next%Kept] = e
	}
	l.next++
}
