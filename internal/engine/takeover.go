package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

// adoption is what Boot found of a site that may run.
type adoption int

const (
	absent    adoption = iota // nothing runs, or what does is being ended
	connected                 // it runs, or may, and has its cable
	cut                       // it runs, and its cable is gone
)

// adopt takes over the running container of a site. What may run and cannot be taken over is left alone: see takeOver. One
// that has neither a cable nor a PID 1 that answers was left half started: it is ended, to be started anew.
func (e *Engine) adopt(ctx context.Context, rec site.Record, attached []int) adoption {
	defer e.applyLimits(ctx, rec) // of the disk also where nothing runs
	defer e.applyKeys(rec)
	name, wired := rec.Name(), slices.Contains(attached, rec.Index)
	c, err := e.containers.Adopt(name)
	if err != nil && !errors.Is(err, container.ErrNotRunning) {
		e.leaveAlone(name, err)
		if wired {
			return connected
		}
		return absent
	}
	if err == nil && (wired || answers(ctx, c)) {
		e.take(name, c, e.toStop(rec))
		if err := e.store.Fits(rec); err != nil {
			e.tasks.Go(func() { e.stopUnfit(rec, err) })
			return absent
		}
		switch {
		case wired:
			return connected
		case e.toStop(rec): // which Boot finishes
			return absent
		}
		return cut
	}
	if err != nil && wired && rec.Desired == site.Running && !e.isHalted() {
		e.log.Warn("a site ended while logisd was away", "site", name)
		e.note(event.SiteDied, name, 0, "its container ended while logisd was away")
	}
	if err == nil {
		if err := c.Close(); err != nil {
			e.log.Error("let go of container", "site", name, "error", err)
		}
	}
	if err := errors.Join(e.containers.Remove(ctx, name), e.network.Detach(ctx, portOf(rec))); err != nil {
		e.log.Error("clean up after a container", "site", name, "error", err)
	}
	return absent
}

// take makes a container that runs the site's own; stopping says that its end is wanted.
func (e *Engine) take(name string, c *container.Container, stopping bool) {
	e.view.Keep(name)
	e.live(name).run(c, site.Starting)
	e.live(name).hadKills()
	if stopping {
		e.live(name).stop(site.Stopping)
	}
	e.supervise(name, c)
	e.log.Info("adopted", "site", name, "pid", c.PID())
	e.note(event.SiteAdopted, name, 0, "it ran on as process %d", c.PID())
}

// answers tells whether PID 1 of a container says something of itself: a first process that was never started does not.
func answers(ctx context.Context, c *container.Container) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := c.Dial(ctx, control.Request{Op: control.OpWatch})
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var status control.Status
	return control.Read(conn, &status) == nil
}

// leaveAlone keeps in mind that a container of a site may run which Boot could not take over.
func (e *Engine) leaveAlone(name string, err error) {
	e.mu.Lock()
	e.left[name] = true
	e.mu.Unlock()
	err = untaken(err)
	e.log.Error("adopt container", "site", name, "error", err)
	e.live(name).set(site.Failed, err.Error())
	e.noteFailed(name, err)
}

func untaken(err error) error {
	return fmt.Errorf("it may run and cannot be taken over, so it is left as it is: %w", err)
}

func (e *Engine) isLeft(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.left[name]
}

// takeOver adopts a container that was left alone; its error says that this is still not possible, and then nothing may be
// done to the site: it would cut or kill what runs. Where there is nothing to take over it does nothing. The lock is held.
func (e *Engine) takeOver(ctx context.Context, rec site.Record) error {
	name := rec.Name()
	if !e.isLeft(name) {
		return nil
	}
	c, err := e.containers.Adopt(name)
	if err != nil && !errors.Is(err, container.ErrNotRunning) {
		return untaken(err)
	}
	e.mu.Lock()
	delete(e.left, name)
	e.mu.Unlock()
	if err != nil {
		return nil // it has ended: a start cleans up
	}
	e.take(name, c, false)
	e.applyLimits(ctx, rec) // what was set meanwhile
	e.applyKeys(rec)
	if err := e.reconnect(ctx, rec); err != nil {
		e.log.Error("connect a site that was taken over: see logis doctor", "site", name, "error", err)
	}
	return nil
}

// reconnect connects a site that runs, with a new cable where the old one is gone.
func (e *Engine) reconnect(ctx context.Context, rec site.Record) error {
	err := e.network.Repair(ctx, portOf(rec))
	if errors.Is(err, network.ErrNoVeth) {
		return e.rewire(ctx, rec)
	}
	return err
}

// rewire gives a running site a new cable.
func (e *Engine) rewire(ctx context.Context, rec site.Record) error {
	c := e.live(rec.Name()).snapshot().container
	if c == nil {
		return errGone
	}
	port := portOf(rec)
	if err := e.network.Detach(ctx, port); err != nil {
		return err
	}
	if err := e.attach(ctx, c, rec); err != nil {
		return err
	}
	return e.network.Redirect(ctx, port)
}
