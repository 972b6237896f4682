package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

// StartOptions of Start and Restart.
type StartOptions struct {
	NoWait bool // return when PID 1 runs, not when every service answers
	Report SiteReport
}

// Start starts a stopped or failed site and returns when every service answers, or with NoWait when PID 1 runs. From
// here on the site is started at every boot. A site that runs already is left alone. If the services do not become ready
// in time the error says which, and the site goes on running, so that its owner can log in and mend it.
func (e *Engine) Start(ctx context.Context, name string, opts StartOptions) (site.Status, error) {
	opts.Report.step(StepTurn)
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
	if err := fault.Point("start: recorded"); err != nil {
		return site.Status{}, err
	}
	return e.up(ctx, rec, opts)
}

// up starts a site unless it runs, and waits until it is ready unless NoWait. The lock is held.
func (e *Engine) up(ctx context.Context, rec site.Record, opts StartOptions) (_ site.Status, err error) {
	starts, began := e.live(rec.Name()).snapshot().container == nil, time.Now()
	if starts {
		opts.Report.step(StepContainer)
		// Not ended by the caller's going away: a site that should run would lie stopped.
		if err := e.startOrFail(context.WithoutCancel(ctx), rec); err != nil {
			return site.Status{}, err
		}
	}
	if !opts.NoWait {
		err = e.awaitReady(ctx, rec.Name(), opts.Report)
	}
	if starts {
		e.noteStarted(rec.Name(), time.Since(began), !opts.NoWait, err)
	}
	if err != nil {
		return site.Status{}, err
	}
	return e.status(ctx, rec), nil
}

// want records what the site shall be at every boot from here on. What is left of one that could not be made or destroyed is
// site.ErrConflict. The lock is held.
func (e *Engine) want(name string, desired site.State) (site.Record, error) {
	rec, err := e.changeable(name)
	if err == nil {
		err = e.takeOver(e.background, rec)
	}
	if err != nil || rec.Desired == desired {
		return rec, err
	}
	return e.store.Update(name, func(r *site.Record) { r.Desired = desired })
}

// startOrFail starts a site; on error it is back where it was, failed, and tried again in the background.
func (e *Engine) startOrFail(ctx context.Context, rec site.Record) (err error) {
	undo := undo{final: func(bool) error {
		e.live(rec.Name()).set(site.Failed, err.Error())
		e.noteFailed(rec.Name(), err)
		e.tasks.Go(func() { e.keepUp(rec.Name()) })
		return nil
	}}
	defer func() { undo.runOn(ctx, e.log, &err) }()
	if err := e.takeOver(ctx, rec); err != nil || e.live(rec.Name()).snapshot().container != nil {
		return err
	}
	return e.start(ctx, rec, taken(), &undo)
}

// start is the way from a site's disk to its running PID 1: container, veth, redirect, route. What lies on the disk need only be
// complete when files has ended. The lock is held.
func (e *Engine) start(ctx context.Context, rec site.Record, files *aside, undo *undo) error {
	name, port := rec.Name(), portOf(rec)
	e.live(name).set(site.Starting, "")
	if err := e.startable(rec); err != nil {
		return err
	}
	spec, err := e.containerSpec(rec)
	if err != nil {
		return err
	}
	if err := e.clear(ctx, name); err != nil {
		return fmt.Errorf("clean up after the last container: %w", err)
	}
	if err := e.launch(ctx, rec, spec, files, undo); err != nil {
		return err
	}
	if err := fault.Point("start: PID 1"); err != nil {
		return err
	}
	if err := e.network.Redirect(ctx, port); err != nil {
		return fmt.Errorf("redirect port %d: %w", port.SSHPort, err)
	}
	undo.add("remove redirect", func(ctx context.Context) error { return e.network.RemoveRedirect(ctx, port) })

	if err := fault.Point("start: redirect"); err != nil {
		return err
	}
	undo.add("delete route", func(ctx context.Context) error { return e.unroute(ctx, rec) }) // before: it is set also where ctx ends the wait
	return e.route(ctx, rec, true)
}

// launch makes the container, connects its network and starts it. A site whose disk is full gets a little room meanwhile,
// without which it could never be mounted again.
func (e *Engine) launch(ctx context.Context, rec site.Record, spec container.Spec, files *aside, undo *undo) (err error) {
	name, port := rec.Name(), portOf(rec)
	restore, err := e.pool.Headroom(ctx, name, diskOf(rec))
	if err != nil {
		return fmt.Errorf("make room on disk: %w", err)
	}
	defer func() { err = errors.Join(err, restore(context.WithoutCancel(ctx))) }()

	c, err := e.containers.Create(ctx, spec)
	if err != nil {
		e.view.Leave(name)
		return fmt.Errorf("make container: %w", err)
	}
	undo.add("end container", func(ctx context.Context) error {
		e.live(name).stop(site.Stopping)
		return e.end(ctx, name, c, c.Kill)
	})
	if err := e.attach(ctx, c, rec); err != nil {
		return fmt.Errorf("connect network: %w", err)
	}
	undo.add("disconnect network", func(ctx context.Context) error { return e.network.Detach(ctx, port) })

	if err := fault.Point("start: network"); err != nil {
		return err
	}
	if err := files.wait(); err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return fmt.Errorf("start container: %w", err)
	}
	e.live(name).run(c, site.Starting)
	e.supervise(name, c)
	e.tasks.Go(func() { e.renewView(name, c) }) // of a server that ended just now
	return nil
}

// clear removes what an earlier container of the site left, if its end went wrong.
func (e *Engine) clear(ctx context.Context, name string) error {
	names, err := e.containers.Names()
	if err != nil || !slices.Contains(names, name) {
		return err
	}
	return e.containers.Remove(ctx, name)
}

// end ends a container and takes away what it had. One that does not end stays the site's.
func (e *Engine) end(ctx context.Context, name string, c *container.Container, end func(context.Context) error) error {
	err := end(ctx)
	select {
	case <-c.Done():
	default:
		return errors.Join(err, errors.New("PID 1 has not ended"))
	}
	err = errors.Join(err, c.Release(ctx))
	e.view.Leave(name)
	e.live(name).gone()
	return err
}

// attach connects a container to the network, held to its bandwidth.
func (e *Engine) attach(ctx context.Context, c *container.Container, rec site.Record) error {
	ns, err := c.NetNS()
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := e.network.Attach(ctx, portOf(rec), ns); err != nil {
		return err
	}
	if err := e.shape(ctx, rec, c); err != nil {
		return errors.Join(err, e.network.Detach(context.WithoutCancel(ctx), portOf(rec)))
	}
	return nil
}

func portOf(rec site.Record) network.Port {
	return network.Port{
		Name: rec.Name(), Index: rec.Index, Addr4: rec.Address4, Addr6: rec.Address6, SSHPort: rec.SSHPort,
	}
}

func (e *Engine) containerSpec(rec site.Record) (container.Spec, error) {
	imageDir, dir, err := e.layersOf(rec)
	if err != nil {
		return container.Spec{}, err
	}
	base, err := image.Load(imageDir)
	if err != nil {
		return container.Spec{}, err
	}
	spec := container.Spec{
		Name: rec.Name(), IDBase: rec.IDBase,
		Layers:   rootLayers(imageDir, dir),
		Resolver: []string{e.network.Gateway4().String()},
		Limits:   limitsOf(rec),
		Handed:   handed(rec),
		Lay:      image.Laid(container.HandedDir),
	}
	if base.Reserved != "" {
		spec.Data, spec.DataTarget = dataLayers(dir), base.Reserved
	}
	return spec, nil
}

// awaitReady returns when every service of a site has answered, and tells report of those that have not.
func (e *Engine) awaitReady(ctx context.Context, name string, report SiteReport) error {
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	told := []string{""} // unlike any
	for {
		s := e.live(name).snapshot()
		if now := pending(s); !s.ready && !slices.Equal(now, told) {
			report.tell(StepServices, now)
			told = now
		}
		switch {
		case s.ready:
			return nil
		case s.failing.service != "":
			return e.notStarting(ctx, name, s)
		case invalid(s) != "":
			return fmt.Errorf("it runs without service %s", invalid(s))
		case s.container == nil:
			return fmt.Errorf("%w: it stopped while it started%s", site.ErrConflict, because(s.failure))
		}
		select {
		case <-s.changed:
		case <-s.container.Done():
			return fmt.Errorf("PID 1 ended while it started%s", because(s.container.LastWords()))
		case <-timeout.C:
			return fmt.Errorf("not ready after %s: waiting for %s: see logis logs %s", readyTimeout,
				cmp.Or(strings.Join(pending(s), ", "), "PID 1"), name)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// invalid names the first service whose file is wrong, and says why; "" when there is none. The words are the site's.
func invalid(s snapshot) string {
	for _, service := range s.services {
		if service.Invalid {
			return service.Name + because(service.Error)
		}
	}
	return ""
}
