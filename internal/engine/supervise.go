package engine

import (
	"context"
	"io"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

const maxListed = 64 // services that a site may report

// supervise follows what a container's PID 1 says of its services, and starts the site again should PID 1 end though
// nobody wanted it to.
func (e *Engine) supervise(name string, c *container.Container) {
	if rec, err := e.store.Get(name); err == nil {
		e.tell(rec, 0)
	}
	e.tasks.Go(func() { e.follow(name, c) })
	e.tasks.Go(func() {
		select {
		case <-c.Done():
			if e.bury(name, c) {
				e.keepUp(name)
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
	readStatuses(conn, func(status control.Status) {
		if e.live(name).report(c, status) {
			e.noteFailing(name)
		}
	})
}

// readStatuses reads until the site breaks off, or says what is none of the protocol's.
func readStatuses(r io.Reader, take func(control.Status)) {
	for {
		var status control.Status
		if err := control.Read(r, &status); err != nil {
			return
		}
		status.Services = status.Services[:min(len(status.Services), maxListed)]
		take(status)
	}
}

// bury cleans up after a container that ended though nobody wanted it to, or long after its stop was given up. It reports
// whether there was anything to clean up.
func (e *Engine) bury(name string, died *container.Container) bool {
	e.mu.Lock()
	live := e.sites[name]
	e.mu.Unlock()
	if live == nil {
		return false // destroyed
	}
	words := died.LastWords() // before its run directory goes
	if live.unexpected(died) {
		live.died(died)
		e.log.Warn("PID 1 ended unexpectedly", "site", name, "words", words)
		e.note(event.SiteDied, name, 0, "PID 1 ended unexpectedly%s", because(words))
	}
	ctx, unlock, err := e.lock(e.background, name)
	if err != nil {
		return false
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if err != nil || rec.Phase != site.Stopped || live.snapshot().container != died {
		return false // stopped, destroyed or cleaned up meanwhile, or being made: create undoes it
	}
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	if err := e.disconnect(ctx, rec, died, died.Kill); err != nil {
		e.log.Error("clean up after a site that died", "site", name, "error", err)
	}
	if rec.Desired == site.Stopped || e.isHalted() {
		live.set(site.Stopped, "") // a crash came between the wish to stop it and its end
	} else {
		live.set(site.Failed, "PID 1 ended unexpectedly"+because(words))
	}
	return true
}

// keepUp starts a site that should run and does not, again and again with growing pauses: whoever is root in a site can end
// its PID 1 at will, and must not keep the host busy with it.
func (e *Engine) keepUp(name string) {
	if !e.live(name).beginKeepUp() {
		return // someone does already
	}
	defer e.live(name).endKeepUp()
	for {
		select {
		case <-e.background.Done():
			return
		case <-time.After(e.live(name).nextPause(time.Now())):
		}
		err := e.raise(e.background, name, false)
		if err == nil {
			return
		}
		if interrupted(err) {
			e.log.Info("start interrupted", "site", name, "error", err)
		} else {
			e.log.Error("start site again", "site", name, "error", err)
		}
	}
}
