package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/site"
)

// sayBroken says of every record that is kept aside that it is, at every start.
func (e *Engine) sayBroken() {
	for _, b := range e.store.Broken() {
		e.log.Error("a record is broken and kept aside: its site is not started, and what it has is given to nobody",
			"site", b.Name, "file", b.Path, "reason", b.Reason, "mend", b.Mend())
		e.note(event.SiteFailed, b.Name, 0, "its record is broken and kept aside as %s (%s): %s", b.Path, b.Reason, b.Mend())
	}
}

// retire ends a container that belongs to no whole record. Where there is a disk of its name it is stopped in order, in
// the background, so that its database is closed well: the record may come back. Its disk is left alone.
func (e *Engine) retire(ctx context.Context, name string) {
	c, err := e.containers.Adopt(name)
	if _, noDisk := e.pool.Site(name); err != nil || noDisk != nil {
		if err == nil {
			_ = c.Close() // Remove adopts it anew
		}
		e.log.Warn("removing a container without a site", "name", name)
		e.note(event.SiteSwept, name, 0, "a container that belonged to no site is removed")
		if err := e.containers.Remove(ctx, name); err != nil {
			e.log.Error("remove container", "name", name, "error", err)
		}
		return
	}
	e.log.Warn("stopping a container whose site has no whole record; its disk is left alone", "name", name, "pid", c.PID())
	e.note(event.SiteSwept, name, 0, "a container that belonged to no whole record is stopped")
	e.tasks.Go(func() {
		if err := e.retireInOrder(name, c); err != nil && !errors.Is(err, context.Canceled) {
			e.log.Error("stop a container without a record", "name", name, "error", err)
		}
	})
}

// retireInOrder stops a container. Should logisd end meanwhile, the next Boot goes on with it.
func (e *Engine) retireInOrder(name string, c *container.Container) error {
	ctx, cancel := context.WithTimeout(e.background, stopGrace+undoTimeout)
	defer cancel()
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return errors.Join(err, c.Close())
	}
	defer unlock()
	if err := c.Stop(ctx, stopGrace); err != nil {
		return errors.Join(err, c.Close())
	}
	return c.Release(ctx)
}

// giveUp destroys a site whose record is broken and kept aside, with all that can be told to be its own.
func (e *Engine) giveUp(ctx context.Context, name string) error {
	e.ops.interrupt(name) // its container may be stopping in order
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	b, still := e.store.BrokenOf(name)
	if !still {
		return nil // another destroy was first
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	began := time.Now()
	errs := []error{e.containers.Remove(ctx, name), e.routes.Delete(ctx, name)}
	if b.Index >= 0 {
		errs = append(errs, e.network.Detach(ctx, network.Port{Index: b.Index}))
	}
	err = errors.Join(errs...)
	if err == nil {
		err = e.pool.DeleteSite(ctx, name)
	}
	if err == nil {
		err = e.store.Discard(name)
	}
	if err != nil {
		return fmt.Errorf("the site is half destroyed, run destroy again: %w", err)
	}
	e.forget(name)
	e.note(event.SiteDestroyed, name, time.Since(began), "its record was broken")
	return nil
}

// stopUnfit stops, in order, a running site that cannot be on the network as it is configured now.
func (e *Engine) stopUnfit(rec site.Record, reason error) {
	e.log.Error("stopping a site that cannot be on the network", "site", rec.Name(), "error", reason)
	ctx, unlock, err := e.lock(e.background, rec.Name())
	if err != nil {
		return
	}
	defer unlock()
	if err := e.stop(ctx, rec, stopGrace); err != nil {
		e.log.Error("stop site", "site", rec.Name(), "error", err)
		return
	}
	if rec.Desired == site.Running {
		e.live(rec.Name()).set(site.Failed, reason.Error())
	}
}

// startable tells why a site cannot be started on this host as it is now, before anything is made for it.
func (e *Engine) startable(rec site.Record) error {
	if err := e.store.Fits(rec); err != nil {
		return err
	}
	if !e.network.PortFree(rec.SSHPort) {
		return fmt.Errorf("port %d of this host, which leads to its ssh, is taken by another program: end that, the site is tried again", rec.SSHPort)
	}
	return nil
}

// layersOf returns where a site's files lie, and says in one line what is missed.
func (e *Engine) layersOf(rec site.Record) (imageDir string, dir pool.SiteDir, err error) {
	if dir, err = e.pool.Site(rec.Name()); errors.Is(err, fs.ErrNotExist) {
		return "", dir, fmt.Errorf("its disk is gone from the pool (%w): put it back from a backup, or destroy the site", err)
	}
	if err != nil {
		return "", dir, fmt.Errorf("find disk: %w", err)
	}
	id := imageID(image.Image{Name: rec.Spec.Image, Digest: rec.ImageDigest})
	if imageDir, err = e.pool.Image(id); errors.Is(err, fs.ErrNotExist) {
		return "", dir, fmt.Errorf("its image %s is gone from the pool: import it with logis image import, no other will do", id)
	}
	if err != nil {
		return "", dir, fmt.Errorf("find image: %w", err)
	}
	return imageDir, dir, nil
}
