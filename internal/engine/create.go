package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker/go-units"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/site"
)

// CreateOptions of Create.
type CreateOptions struct {
	NoStart bool // make the site and leave it stopped
	NoWait  bool // return when PID 1 runs, not when every service answers
	Report  SiteReport
}

// Create makes a site and starts it; it returns when ssh, web and database answer. Zero fields of spec, and of
// those that may be zero site.Unset, take the configured defaults. An error or the end of ctx, at any step, leaves nothing
// behind. Errors wrap site.ErrInvalid, site.ErrConflict or none of them.
func (e *Engine) Create(ctx context.Context, spec site.Spec, opts CreateOptions) (_ site.Status, err error) {
	began, asked := time.Now(), spec.Limits
	spec = e.withDefaults(spec)
	if err := cmp.Or(site.CheckName(spec.Name), spec.Limits.Check()); err != nil { // before the machine is asked
		return site.Status{}, err
	}
	opts.Report.step(StepTurn)
	ctx, unlock, err := e.lock(ctx, spec.Name)
	if err != nil {
		return site.Status{}, err
	}
	defer unlock()
	if err := e.errHalted(); err != nil && !opts.NoStart {
		return site.Status{}, err
	}
	var undo undo
	defer func() { undo.runOn(ctx, e.log, &err) }()

	rec, base, err := e.reserve(ctx, spec, givenIn(asked), opts) // from here on a crash leaves phase "creating", undone at the next start
	if err != nil {
		return site.Status{}, err
	}
	undo.final = func(clean bool) error {
		e.noteUndone(rec.Name(), clean, err)
		return e.release(rec.Name(), clean)
	}
	e.live(rec.Name()).set(site.Creating, "")
	if err := fault.Point("create: record reserved"); err != nil {
		return site.Status{}, err
	}

	opts.Report.step(StepDisk)
	dir, err := e.pool.CreateSite(ctx, rec.Name(), rec.Index, diskOf(rec))
	if err != nil {
		return site.Status{}, fmt.Errorf("make disk: %w", err)
	}
	undo.add("delete disk", func(ctx context.Context) error { return e.pool.DeleteSite(ctx, rec.Name()) })

	opts.Report.step(StepFiles)
	files := begin(func() error {
		if err := e.personalise(ctx, rec, base, dir); err != nil {
			return fmt.Errorf("personalise: %w", err)
		}
		return nil
	})
	undo.add("end the writing of files", files.ended)
	// What a record speaks of is on disk before it, whatever happens to the power: beside all that comes until then.
	synced := begin(func() error {
		if err := files.wait(); err != nil {
			return err
		}
		return e.pool.Sync(ctx)
	})
	undo.add("end the writing to disk", synced.ended)
	if opts.NoStart {
		if err := files.wait(); err != nil {
			return site.Status{}, err
		}
		undo.add("delete route", func(ctx context.Context) error { return e.routes.Delete(ctx, rec.Name()) }) // as in start
		if err := e.route(ctx, rec, false); err != nil {
			return site.Status{}, err
		}
		if err := fault.Point("create: route"); err != nil {
			return site.Status{}, err
		}
		return e.finish(ctx, rec, synced, asked, began)
	}
	opts.Report.step(StepContainer)
	if err := e.start(ctx, rec, files, &undo); err != nil {
		return site.Status{}, err
	}
	if !opts.NoWait {
		if err := e.awaitReady(ctx, rec.Name(), opts.Report); err != nil {
			if f, ok := errors.AsType[*NotStartingError](err); ok {
				f.Undone = true
			}
			return site.Status{}, err
		}
	}
	return e.finish(ctx, rec, synced, asked, began)
}

// reserve writes the record of a new site, and returns the image that it is made from.
func (e *Engine) reserve(ctx context.Context, spec site.Spec, given func(string) bool, opts CreateOptions) (site.Record, image.Image, error) {
	if free, total, err := e.pool.Free(ctx); err != nil {
		return site.Record{}, image.Image{}, err
	} else if free < minFree {
		return site.Record{}, image.Image{}, fmt.Errorf("disk pool is full (%s of %s used): free space or raise pool.size",
			units.BytesSize(float64(total-free)), units.BytesSize(float64(total)))
	}
	if err := e.fits(ctx, site.Limits{}, spec.Limits, given); err != nil {
		return site.Record{}, image.Image{}, err
	}
	e.images.RLock() // nobody removes the image before the record says that it is used
	defer e.images.RUnlock()
	base, err := e.newestImage(spec.Image)
	if err != nil {
		return site.Record{}, image.Image{}, err
	}
	if err := enough(base, spec.Limits.Memory); err != nil {
		return site.Record{}, image.Image{}, err
	}
	desired := site.Running
	if opts.NoStart {
		desired = site.Stopped
	}
	rec, err := e.store.Reserve(spec, base.Digest, desired)
	return rec, base, err
}

// minFree is what a site takes at least to be made, in bytes.
const minFree = 64 << 20

// release ends the undoing of a create. Where a step of it failed the record stays, so that destroy and the next start can
// finish it.
func (e *Engine) release(name string, clean bool) error {
	if !clean {
		e.live(name).set(site.Failed, "it could not be made, nor wholly undone: destroy it")
		return nil
	}
	if err := e.store.Release(name); err != nil {
		e.live(name).set(site.Failed, "it could not be made, and its record not be deleted: destroy it")
		return err
	}
	e.forget(name)
	return nil
}

// finish records that the site is made, which began at a time, once its disk is synced. What was asked for and cannot be used is
// a warning.
func (e *Engine) finish(ctx context.Context, rec site.Record, synced *aside, asked site.Limits, began time.Time) (site.Status, error) {
	if err := ctx.Err(); err != nil {
		return site.Status{}, context.Cause(ctx) // Ctrl-C after the last step leaves nothing too
	}
	if err := fault.Point("create: ready"); err != nil {
		return site.Status{}, err
	}
	if err := synced.wait(); err != nil {
		return site.Status{}, fmt.Errorf("sync disk: %w", err)
	}
	rec, err := e.store.Update(rec.Name(), func(r *site.Record) { r.Phase = site.Stopped })
	if err != nil {
		return site.Status{}, err
	}
	if rec.Desired == site.Stopped {
		e.live(rec.Name()).set(site.Stopped, "")
	}
	e.note(event.SiteCreated, rec.Name(), time.Since(began), "from image %s@%s", rec.Spec.Image, rec.ImageDigest)
	status := e.status(ctx, rec)
	status.Warnings = warnOf(status.Warnings, e.noSwap(asked.Swap))
	return status, nil
}

func (e *Engine) withDefaults(s site.Spec) site.Spec {
	d := e.config.Defaults
	if s.Image == "" {
		s.Image = d.Image
	}
	l := &s.Limits
	for _, f := range []struct {
		field        *int64
		value, unset int64
	}{
		{&l.Memory, int64(d.Memory), 0},
		{&l.Swap, int64(d.Swap), site.Unset},
		{&l.Disk, int64(d.Disk), 0},
		{&l.PIDs, d.PIDs, 0},
		{&l.CPUWeight, d.CPUWeight, 0},
		{&l.IOWeight, d.IOWeight, 0},
		{&l.IOBandwidth, int64(d.IOBandwidth), site.Unset},
		{&l.Bandwidth, int64(d.Bandwidth), site.Unset},
		{&l.OpenFiles, d.OpenFiles, 0},
		{&l.LogSize, int64(d.LogSize), 0},
	} {
		if *f.field == f.unset {
			*f.field = f.value
		}
	}
	if l.CPUs == 0 {
		l.CPUs = d.CPUs
	}
	return s
}

// diskOf splits a site's disk: files stop short of the limit by the reserve, so that they never starve the database.
func diskOf(rec site.Record) pool.Disk {
	limit := rec.Spec.Limits.Disk
	return pool.Disk{Limit: limit, Reserve: min(max(limit/8, 96<<20), 256<<20)}
}

// personalise writes what is the site's own into its still empty layer: account, keys, host keys, database, web root.
func (e *Engine) personalise(ctx context.Context, rec site.Record, base image.Image, dir pool.SiteDir) error {
	imageDir, err := e.pool.Image(base.Name + "@" + base.Digest)
	if err != nil {
		return err
	}
	if err := makeLayers(dir); err != nil {
		return err
	}
	data := ""
	if base.Reserved != "" {
		data = dataLayers(dir).Upper
	}
	err = image.Personalise(ctx, image.PersonaliseOptions{
		ImageDir: imageDir, Upper: rootLayers(imageDir, dir).Upper, Data: data, IDBase: rec.IDBase,
		Values: image.Values{
			Name: rec.Name(), HostDir: container.HandedDir, Domains: e.store.Domains(rec),
			Gateway4: e.network.Gateway4(), Gateway6: e.network.Gateway6(),
			Address4: rec.Address4, Address6: rec.Address6,
		},
	})
	if err != nil {
		return err
	}
	return fault.Point("create: personalised")
}
