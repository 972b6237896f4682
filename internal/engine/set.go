package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/quantity"
	"github.com/logis-project/logis/internal/site"
)

// Set changes limits and priority of a site, at once where it runs; a stopped one has the rest from its next start on. Nothing
// is set below what is in use of disk or memory. An error leaves everything as it was; a crash is made up for by the next
// Boot. Errors wrap site.ErrInvalid, site.ErrConflict for a limit below use, or none of them.
func (e *Engine) Set(ctx context.Context, name string, change site.Change) (_ site.Status, err error) {
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return site.Status{}, err
	}
	defer unlock()
	old, err := e.changeable(name)
	if err != nil {
		return site.Status{}, err
	}
	spec, err := change.Apply(old.Spec)
	if err != nil {
		return site.Status{}, err
	}
	named := func(string) bool { return true }
	if err := e.fits(ctx, old.Spec.Limits, spec.Limits, named); err != nil {
		return site.Status{}, err
	}
	if err := e.enoughFor(old, spec.Limits.Memory); err != nil {
		return site.Status{}, err
	}
	// From here on it goes to the end or back, whoever leaves: a half changed site is nobody's wish.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var undo undo
	defer func() { undo.runOn(ctx, e.log, &err) }()
	rec, err := e.intend(&undo, old, spec)
	if err != nil {
		return site.Status{}, err
	}
	if change != (site.Change{Priority: change.Priority}) {
		if err := e.apply(ctx, &undo, old, rec); err != nil {
			return site.Status{}, explain(err)
		}
		e.live(name).setUnmet("")
	}
	if changed := difference(old.Spec, rec.Spec); changed != "" {
		e.note(event.SiteChanged, name, 0, "%s", changed)
	}
	e.tell(rec, 0)
	status := e.status(ctx, rec)
	if change.Swap != nil {
		status.Warnings = warnOf(status.Warnings, e.noSwap(*change.Swap))
	}
	return status, nil
}

// changeable returns the record of a site that is whole: of what is left of a create or a destroy nothing can be changed. The lock
// is held.
func (e *Engine) changeable(name string) (site.Record, error) {
	rec, err := e.store.Get(name)
	if err == nil && rec.Phase != site.Stopped {
		err = fmt.Errorf("%w: it is half made or half destroyed: destroy it with logis destroy %s", site.ErrConflict, name)
	}
	return rec, err
}

// difference names what a change of limits and priority has changed.
func difference(was, is site.Spec) string {
	var parts []string
	add := func(what, before, after string) {
		if before != after {
			parts = append(parts, fmt.Sprintf("%s %s, was %s", what, after, before))
		}
	}
	bytes, rate := quantity.Format, quantity.FormatRate
	add("memory", bytes(was.Limits.Memory), bytes(is.Limits.Memory))
	add("swap", quantity.FormatOrNone(was.Limits.Swap), quantity.FormatOrNone(is.Limits.Swap))
	add("disk", bytes(was.Limits.Disk), bytes(is.Limits.Disk))
	add("cpus", fmt.Sprint(was.Limits.CPUs), fmt.Sprint(is.Limits.CPUs))
	add("pids", fmt.Sprint(was.Limits.PIDs), fmt.Sprint(is.Limits.PIDs))
	add("cpu weight", fmt.Sprint(was.Limits.CPUWeight), fmt.Sprint(is.Limits.CPUWeight))
	add("i/o weight", fmt.Sprint(was.Limits.IOWeight), fmt.Sprint(is.Limits.IOWeight))
	add("i/o bandwidth", rate(was.Limits.IOBandwidth), rate(is.Limits.IOBandwidth))
	add("bandwidth", rate(was.Limits.Bandwidth), rate(is.Limits.Bandwidth))
	add("open files", fmt.Sprint(was.Limits.OpenFiles), fmt.Sprint(is.Limits.OpenFiles))
	add("log size", bytes(was.Limits.LogSize), bytes(is.Limits.LogSize))
	add("priority", fmt.Sprint(was.Priority), fmt.Sprint(is.Priority))
	return strings.Join(parts, "; ")
}

// intend writes what shall be before anything is: after a crash the next Boot goes on from here.
func (e *Engine) intend(undo *undo, old site.Record, spec site.Spec) (site.Record, error) {
	write := func(s site.Spec) (site.Record, error) {
		return e.store.Update(old.Name(), func(r *site.Record) { r.Spec.Limits, r.Spec.Priority = s.Limits, s.Priority })
	}
	rec, err := write(spec)
	if err != nil {
		return site.Record{}, err
	}
	undo.add("put back the record", func(context.Context) error { _, err := write(old.Spec); return err })
	return rec, fault.Point("set: recorded")
}

// apply makes the limits of a site those of rec: of its disk, and of its container if one runs. The lock is held.
func (e *Engine) apply(ctx context.Context, undo *undo, old, rec site.Record) error {
	if err := e.pool.Resize(ctx, rec.Name(), diskOf(rec)); err != nil {
		return err
	}
	undo.add("put back the disk", func(ctx context.Context) error { return e.pool.SetDisk(ctx, rec.Name(), diskOf(old)) })
	if err := fault.Point("set: disk"); err != nil {
		return err
	}
	c := e.live(rec.Name()).snapshot().container
	if c == nil {
		return nil
	}
	// Only where it changes: a hostile site that keeps its PID 1 from answering must not be spared the rest.
	if old.Spec.Limits.LogSize != rec.Spec.Limits.LogSize {
		undo.add("put back the size of logs", func(ctx context.Context) error { return c.Tune(ctx, limitsOf(old)) })
		if err := c.Tune(ctx, limitsOf(rec)); err != nil {
			return err
		}
	}
	undo.add("put back the container's limits", func(ctx context.Context) error { return c.SetLimits(ctx, limitsOf(old)) })
	if err := c.SetLimits(ctx, limitsOf(rec)); err != nil {
		return err
	}
	if err := fault.Point("set: container"); err != nil {
		return err
	}
	undo.add("put back the bandwidth", func(ctx context.Context) error { return e.shape(ctx, old, c) })
	if err := e.shape(ctx, rec, c); err != nil {
		return err
	}
	return fault.Point("set: bandwidth")
}

// applyLimits finishes the change of limits that a crash cut short: of the disk, and of the container if one was adopted.
// What cannot be is a warning of the site until it is set anew or started, which gives it all its limits.
func (e *Engine) applyLimits(ctx context.Context, rec site.Record) {
	errs := []error{e.ensureDisk(ctx, rec)}
	if c := e.live(rec.Name()).snapshot().container; c != nil {
		err := c.SetLimits(ctx, limitsOf(rec))
		e.tasks.Go(func() { e.tune(rec.Name(), c) })
		if shapeErr := e.shape(ctx, rec, c); !errors.Is(shapeErr, network.ErrNoVeth) { // a new cable comes with it
			err = errors.Join(err, shapeErr)
		}
		select {
		case <-c.Done(): // with it went its limits
		default:
			errs = append(errs, err)
		}
	}
	for _, err := range errs {
		if err != nil {
			e.log.Error("finish the change of a site's limits", "site", rec.Name(), "error", err)
			why := strings.TrimPrefix(explain(err).Error(), site.ErrConflict.Error()+": ")
			e.live(rec.Name()).setUnmet("limits are not as they were set: " + why)
		}
	}
}

// tune brings PID 1 of an adopted site to what its record says. Nobody waits for it: a hostile site can keep its PID 1 from
// answering. No lock is held, so that a change meanwhile wins: what it recorded is what PID 1 is told last.
func (e *Engine) tune(name string, c *container.Container) {
	for told := int64(0); ; {
		rec, err := e.store.Get(name)
		if err != nil || rec.Spec.Limits.LogSize == told {
			return
		}
		told = rec.Spec.Limits.LogSize
		if err := c.Tune(e.background, limitsOf(rec)); err != nil {
			e.log.Warn("finish the change of a site's limits", "site", name, "error", err)
			return
		}
	}
}

// ensureDisk gives a site the limits of its disk; where quota was turned off meanwhile it has lost its quota group with them.
func (e *Engine) ensureDisk(ctx context.Context, rec site.Record) error {
	if err := e.pool.EnsureGroups(ctx, rec.Name(), rec.Index, diskOf(rec)); err != nil {
		return err
	}
	return e.pool.Resize(ctx, rec.Name(), diskOf(rec))
}

// explain says what to do about a limit below what is in use.
func explain(err error) error {
	if use, ok := errors.AsType[*pool.InUseError](err); ok {
		return fmt.Errorf("%w: disk: %w: delete some of it first, or allow more", site.ErrConflict, use)
	}
	if use, ok := errors.AsType[*container.InUseError](err); ok {
		return fmt.Errorf("%w: memory: %w: end what holds it, or stop the site first", site.ErrConflict, use)
	}
	return err
}

func limitsOf(rec site.Record) container.Limits {
	l := rec.Spec.Limits
	return container.Limits{
		Memory: l.Memory, Swap: l.Swap, CPUs: l.CPUs, PIDs: l.PIDs,
		CPUWeight: l.CPUWeight, IOWeight: l.IOWeight, IOBandwidth: l.IOBandwidth, OpenFiles: l.OpenFiles, LogSize: l.LogSize,
	}
}

// setUnmet notes why limits of a running site are not those of its record; "" that they are.
func (l *live) setUnmet(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unmet = why
}

// warnings adds what is not met to those of the container.
func (l *live) warnings(of []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, why := range []string{l.unshaped, l.unmet} {
		if why != "" {
			of = append([]string{why}, of...)
		}
	}
	return of
}
