package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// Boot brings the host to what the records say: it undoes sites that are half made or half destroyed, adopts the
// containers that run, and starts, in the background and several at a time, the sites that should run. One site's trouble
// is logged and stops no other.
func (e *Engine) Boot(ctx context.Context) error {
	attached, err := e.network.Attached(ctx)
	if err != nil {
		return fmt.Errorf("list veths: %w", err)
	}
	var whole, broken []site.Record
	var adopted []network.Port
	for _, rec := range e.store.All() {
		if rec.Phase != site.Stopped {
			broken = append(broken, rec)
			continue
		}
		whole = append(whole, rec)
		if e.adopt(ctx, rec, attached) {
			adopted = append(adopted, portOf(rec))
		}
	}
	// One transaction: sites that run are never without their rules.
	if err := e.network.Ensure(ctx, adopted, adopted); err != nil {
		return fmt.Errorf("set up network: %w", err)
	}
	for _, rec := range broken {
		e.log.Warn("undoing a site that was left half done", "site", rec.Name(), "phase", rec.Phase)
		if err := e.destroy(ctx, rec); err != nil {
			e.log.Error("undo a half-done site", "site", rec.Name(), "error", err)
		}
	}
	e.sweep(ctx, whole, attached)
	e.routes.Replace(e.allRoutes(whole))
	e.tasks.Go(func() { e.startAll(whole) })
	return nil
}

// adopt takes over the running container of a site, and reports whether there was one. One that is not on the network
// was left half started: it is ended, to be started anew.
func (e *Engine) adopt(ctx context.Context, rec site.Record, attached []int) bool {
	c, err := e.containers.Adopt(rec.Name())
	if err == nil && slices.Contains(attached, rec.Index) {
		e.live(rec.Name()).run(c, site.Starting)
		e.supervise(rec.Name(), c)
		e.log.Info("adopted", "site", rec.Name(), "pid", c.PID())
		if err := e.store.Fits(rec); err != nil {
			e.tasks.Go(func() { e.stopUnfit(rec, err) })
			return false
		}
		if rec.Desired == site.Stopped { // logisd ended in the middle of a stop
			e.tasks.Go(func() { e.finishStop(rec.Name()) })
		}
		return true
	}
	if err != nil && !errors.Is(err, container.ErrNotRunning) {
		e.log.Error("adopt container", "site", rec.Name(), "error", err)
	}
	if err == nil {
		if err := c.Close(); err != nil {
			e.log.Error("let go of container", "site", rec.Name(), "error", err)
		}
	}
	if err := errors.Join(e.containers.Remove(ctx, rec.Name()), e.network.Detach(ctx, portOf(rec))); err != nil {
		e.log.Error("clean up after a container", "site", rec.Name(), "error", err)
	}
	return false
}

// finishStop goes on with a stop that an earlier logisd began.
func (e *Engine) finishStop(name string) {
	ctx, unlock, err := e.lock(e.background, name)
	if err != nil {
		return
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if err != nil || rec.Phase != site.Stopped || rec.Desired != site.Stopped {
		return
	}
	if err := e.stop(ctx, rec); err != nil {
		e.log.Error("finish a stop", "site", name, "error", err)
	}
}

// sweep removes what belongs to the instance and to no site: containers and veths. Disks of unknown sites are only
// named: nothing is ever lost.
func (e *Engine) sweep(ctx context.Context, whole []site.Record, attached []int) {
	known, indexes := map[string]bool{}, map[int]bool{}
	for _, rec := range whole {
		known[rec.Name()], indexes[rec.Index] = true, true
	}
	names, err := e.containers.Names()
	if err != nil {
		e.log.Error("list containers", "error", err)
	}
	for _, name := range names {
		if !known[name] {
			e.retire(ctx, name)
		}
	}
	for _, index := range attached {
		if !indexes[index] {
			e.log.Warn("removing a veth without a site", "index", index)
			if err := e.network.Detach(ctx, network.Port{Index: index}); err != nil {
				e.log.Error("remove veth", "index", index, "error", err)
			}
		}
	}
	disks, err := e.pool.Sites()
	if err != nil {
		e.log.Error("list disks", "error", err)
	}
	for _, name := range disks {
		if !known[name] {
			e.log.Warn("disk without a site, left alone", "name", name)
		}
	}
}

func (e *Engine) allRoutes(records []site.Record) []route.Route {
	var routes []route.Route
	for _, rec := range records {
		routes = append(routes, e.routeOf(rec, rec.Desired == site.Running && e.store.Fits(rec) == nil))
	}
	return routes
}

// startAll starts the sites that should run and do not, by name, a few at a time: database starts are the cost.
func (e *Engine) startAll(records []site.Record) {
	slots := make(chan struct{}, 2*runtime.NumCPU())
	var starts sync.WaitGroup
	defer starts.Wait()
	for _, rec := range records {
		if rec.Desired != site.Running || e.live(rec.Name()).snapshot().container != nil {
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-e.background.Done():
			return
		}
		starts.Go(func() {
			defer func() { <-slots }()
			if _, err := e.Start(e.background, rec.Name(), false); err != nil {
				e.log.Error("start site", "site", rec.Name(), "error", err)
			}
		})
	}
}
