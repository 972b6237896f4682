package engine

import (
	"context"
	"errors"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

const (
	firstPause = time.Second // before a site whose PID 1 died is started again; doubles
	longPause  = time.Minute
	maxListed  = 64 // services that a site may report
)

// supervise follows what a container's PID 1 says of its services, and starts the site again should PID 1 end though
// nobody wanted it to.
func (e *Engine) supervise(name string, c *container.Container) {
	e.tasks.Go(func() { e.follow(name, c) })
	e.tasks.Go(func() {
		select {
		case <-c.Done():
			if e.live(name).unexpected(c) {
				e.revive(name, c)
			}
		case <-e.background.Done():
		}
	})
}

// follow reads PID 1's reports until it ends. They are the site's words: bounded here, shown by others with care.
func (e *Engine) follow(name string, c *container.Container) {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		e.readReports(name, c)
		select {
		case <-c.Done():
			return
		case <-e.background.Done():
			return
		case <-time.After(pause): // PID 1 closed the connection and lives on: ask again
		}
	}
}

func (e *Engine) readReports(name string, c *container.Container) {
	conn, err := c.Dial(e.background, control.Request{Op: control.OpWatch})
	if err != nil {
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(e.background, func() { _ = conn.Close() })
	defer stop()
	for {
		var status control.Status
		if err := control.Read(conn, &status); err != nil {
			return
		}
		status.Services = status.Services[:min(len(status.Services), maxListed)]
		e.live(name).report(c, status)
	}
}

// revive cleans up after a container that died and starts the site again, with growing pauses, for as long as it should
// run.
func (e *Engine) revive(name string, died *container.Container) {
	e.log.Warn("PID 1 ended unexpectedly", "site", name)
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		if e.tryRevive(name, died) {
			return
		}
		select {
		case <-e.background.Done():
			return
		case <-time.After(pause):
		}
	}
}

// tryRevive is one attempt; it reports whether there is nothing left to do.
func (e *Engine) tryRevive(name string, died *container.Container) bool {
	ctx, unlock, err := e.lock(e.background, name)
	if err != nil {
		return true
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if err != nil || rec.Phase != site.Stopped {
		return true // destroyed meanwhile, or being made: create undoes it
	}
	live := e.live(name)
	if s := live.snapshot(); s.container == died {
		cleanup, cancel := context.WithTimeout(ctx, undoTimeout)
		err := e.disconnect(cleanup, rec, died, func(c *container.Container) error { return c.Kill(cleanup) })
		cancel()
		live.set(site.Failed, "PID 1 ended unexpectedly")
		if err != nil {
			e.log.Error("clean up after a site that died", "site", name, "error", err)
			return false
		}
	} else if s.container != nil {
		return true // someone started it
	}
	if rec.Desired != site.Running {
		return true
	}
	if err := e.startOrFail(ctx, rec); err != nil {
		if !errors.Is(err, context.Canceled) {
			e.log.Error("start a site that died", "site", name, "error", err)
		}
		return false
	}
	return true
}
