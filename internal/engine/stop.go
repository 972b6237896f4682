package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/site"
)

// Stop stops a site's services in their order, then its container; files and database stay. From here on it is not
// started at boot. A stopped site is left alone.
func (e *Engine) Stop(ctx context.Context, name string, report SiteReport) (site.Status, error) {
	report.step(StepTurn)
	e.interruptStart(name)
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return site.Status{}, err
	}
	defer unlock()
	rec, err := e.want(name, site.Stopped)
	if err != nil {
		return site.Status{}, err
	}
	if err := fault.Point("stop: recorded"); err != nil {
		return site.Status{}, err
	}
	if err := e.stopTelling(ctx, rec, report); err != nil {
		return site.Status{}, err
	}
	return e.status(ctx, rec), nil
}

// interruptStart makes a start that waits for services give way. A create is left to its end: it would undo itself.
func (e *Engine) interruptStart(name string) {
	if rec, err := e.store.Get(name); err == nil && rec.Phase == site.Stopped {
		e.ops.interrupt(name)
	}
}

// Restart stops a site, if it runs, and starts it.
func (e *Engine) Restart(ctx context.Context, name string, opts StartOptions) (site.Status, error) {
	opts.Report.step(StepTurn)
	e.interruptStart(name)
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return site.Status{}, err
	}
	defer unlock()
	if err := e.errHalted(); err != nil {
		return site.Status{}, err
	}
	rec, err := e.want(name, site.Running)
	if err != nil {
		return site.Status{}, err
	}
	if err := fault.Point("restart: recorded"); err != nil {
		return site.Status{}, err
	}
	err = e.stopTelling(ctx, rec, opts.Report)
	if err == nil {
		err = fault.Point("restart: stopped")
	}
	if err != nil {
		e.tasks.Go(func() { e.keepUp(name) }) // it should run, and nobody else would start it
		return site.Status{}, err
	}
	return e.up(ctx, rec, opts)
}

// stopTelling is stop, which tells report of the services that still run.
func (e *Engine) stopTelling(ctx context.Context, rec site.Record, report SiteReport) error {
	report.step(StepStop)
	var telling sync.WaitGroup
	done := make(chan struct{})
	telling.Go(func() { e.reportEnd(rec.Name(), report, done) })
	defer telling.Wait()
	defer close(done)
	return e.stop(ctx, rec)
}

// stop takes a site off the network and stops it; what still runs after stopGrace is killed. Once begun it goes on to the end,
// also when the caller goes away. The lock is held.
func (e *Engine) stop(ctx context.Context, rec site.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace+undoTimeout)
	defer cancel()
	defer context.AfterFunc(e.background, cancel)() // the next Boot goes on with it
	live, began := e.live(rec.Name()), time.Now()
	c := live.stop(site.Stopping)
	err := e.disconnect(ctx, rec, c, func(ctx context.Context) error { return e.endInOrder(ctx, c) })
	if err != nil {
		live.set(site.Failed, err.Error())
		e.noteFailed(rec.Name(), err)
		return err
	}
	live.set(site.Stopped, "")
	if c != nil {
		e.note(event.SiteStopped, rec.Name(), time.Since(began), "")
	}
	return nil
}

// disconnect is the way back of start: route, redirect, container by end, veth. c is nil when none runs, or another ends it.
func (e *Engine) disconnect(ctx context.Context, rec site.Record, c *container.Container, end func(context.Context) error) error {
	errs := []error{
		e.unroute(ctx, rec), fault.Point("disconnect: route"),
		e.network.RemoveRedirect(ctx, portOf(rec)), fault.Point("disconnect: redirect"),
	}
	if c != nil {
		errs = append(errs, e.end(ctx, rec.Name(), c, end), fault.Point("disconnect: container"))
	}
	return errors.Join(append(errs, e.network.Detach(ctx, portOf(rec)), fault.Point("disconnect: network"))...)
}

// Destroy removes a site in whatever state, with every trace of it. Once begun it goes on to the end. A site that is still
// being made is given up.
func (e *Engine) Destroy(ctx context.Context, name string) error {
	if _, broken := e.store.BrokenOf(name); broken {
		return e.giveUp(ctx, name)
	}
	meant, err := e.store.Get(name)
	if err != nil {
		return err
	}
	e.ops.interrupt(name)
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if errors.Is(err, site.ErrNotFound) || err == nil && !rec.CreatedAt.Equal(meant.CreatedAt) {
		return nil // its create undid itself, or another destroy was first; what has the name now is another site
	}
	if err != nil {
		return err
	}
	began := time.Now()
	rec, err = e.store.Update(name, func(r *site.Record) { r.Phase, r.Desired = site.Destroying, site.Stopped })
	if err != nil {
		return err
	}
	if err := fault.Point("destroy: recorded"); err != nil {
		return err
	}
	if err := e.destroy(ctx, rec); err != nil {
		e.noteFailed(name, err)
		return err
	}
	e.note(event.SiteDestroyed, name, time.Since(began), "")
	return nil
}

// destroy ends a site whose record says so: at once, since nothing of it is kept. Its processes, its network and its disk are taken
// away side by side: each waits for the kernel more than it works. Where the processes do not end they lose their disk all the same. The
// lock is held.
func (e *Engine) destroy(ctx context.Context, rec site.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	name, live := rec.Name(), e.live(rec.Name())
	c := live.stop(site.Destroying)
	steps := []*aside{
		begin(func() error { return e.endAtOnce(ctx, name, c) }),
		begin(func() error { return e.disconnect(ctx, rec, nil, nil) }),
		begin(func() error { return errors.Join(e.pool.DeleteSite(ctx, name), fault.Point("destroy: disk")) }),
	}
	var errs []error
	for _, s := range steps {
		errs = append(errs, s.wait())
	}
	err := errors.Join(append(errs, e.routes.Delete(ctx, name))...)
	if err == nil {
		err = fault.Point("destroy: all but the record")
	}
	if err == nil {
		err = e.store.Release(name)
	}
	if err != nil {
		live.set(site.Failed, err.Error())
		return fmt.Errorf("the site is half destroyed, run destroy again: %w", err)
	}
	e.forget(name)
	return nil
}

// endAtOnce kills a container, nil when none is known, and takes away what there is of it.
func (e *Engine) endAtOnce(ctx context.Context, name string, c *container.Container) error {
	var err error
	if c != nil {
		err = errors.Join(e.end(ctx, name, c, c.Kill), fault.Point("disconnect: container"))
	}
	return errors.Join(err, e.containers.Remove(ctx, name))
}
