package engine

import (
	"context"
	"fmt"

	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// Boot brings the host to what the records say: it undoes sites that are half made or half destroyed, adopts the
// containers that run, and starts, in the background and several at a time, the sites that should run. One site's trouble
// is logged and stops no other.
func (e *Engine) Boot(ctx context.Context) error {
	e.sayBroken()
	e.sayClashes()
	e.sayMisfits(ctx)
	e.sayNoImage()
	attached, err := e.network.Attached(ctx)
	if err != nil {
		return fmt.Errorf("list veths: %w", err)
	}
	halted, err := e.halt.Wanted()
	if err != nil {
		e.log.Warn("sites are started: whether they were halted is not known", "error", err)
	}
	e.mu.Lock()
	e.halted = halted
	e.mu.Unlock()
	var whole, broken, loose []site.Record
	var adopted []network.Port
	for _, rec := range e.store.All() {
		if rec.Phase != site.Stopped || rec.Spec.Throwaway {
			broken = append(broken, rec)
			continue
		}
		whole = append(whole, rec)
		switch e.adopt(ctx, rec, attached) {
		case absent:
		case connected:
			adopted = append(adopted, portOf(rec))
		case cut:
			loose = append(loose, rec)
		}
	}
	// One transaction: sites that run are never without their rules.
	if err := e.network.Ensure(ctx, adopted, adopted); err != nil {
		return fmt.Errorf("set up network: %w", err)
	}
	for _, rec := range loose {
		e.log.Warn("the link of a site that runs is gone: it gets a new one", "site", rec.Name())
		if err := e.rewire(ctx, rec); err != nil {
			e.log.Error("connect a site that runs: see logis doctor", "site", rec.Name(), "error", err)
		}
	}
	e.tasks.Go(e.guardRules)
	e.tasks.Go(e.guardView)
	e.watchStrain()
	for _, rec := range broken {
		e.log.Warn("undoing a site that was left half done", "site", rec.Name(), "phase", rec.Phase)
		if err := e.destroy(ctx, rec); err != nil {
			e.log.Error("undo a half-done site", "site", rec.Name(), "error", err)
			e.noteFailed(rec.Name(), err)
			continue
		}
		e.note(event.SiteUndone, rec.Name(), 0, "logisd ended while it was %s: all of it is gone", wasDoing(rec))
	}
	e.sweep(ctx, whole, attached)
	if err := e.view.Settle(ctx); err != nil {
		e.log.Error("end an lxcfs that no site uses", "error", err)
	}
	e.routes.Replace(e.allRoutes(whole))
	e.routes.Await(ctx) // a site that is said to be ready must not be a stopped one to the proxy still
	for _, rec := range whole {
		if e.toStop(rec) && e.live(rec.Name()).snapshot().container != nil {
			e.tasks.Go(func() { e.finishStop(rec.Name()) }) // after rules and routes, which would otherwise come back behind it
		}
	}
	if halted {
		e.log.Warn("sites are halted, none is started: see logis sites up")
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.beginPass()
	return nil
}

// wasDoing says what a site was in the middle of when logisd ended.
func wasDoing(rec site.Record) string {
	if rec.Spec.Throwaway {
		return "part of a proof"
	}
	return string(rec.Phase)
}

// toStop tells whether a site that runs is in the middle of a stop that an earlier logisd began.
func (e *Engine) toStop(rec site.Record) bool { return rec.Desired == site.Stopped || e.isHalted() }

// finishStop goes on with a stop that an earlier logisd began.
func (e *Engine) finishStop(name string) {
	ctx, unlock, err := e.lock(e.background, name)
	if err != nil {
		return
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if err != nil || rec.Phase != site.Stopped || !e.toStop(rec) {
		return
	}
	e.log.Info("finishing a stop", "site", name)
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
			e.note(event.SiteSwept, "", 0, "veth %d, which belonged to no site, is removed", index)
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
		routes = append(routes, e.routeOf(rec, e.expected(rec)))
	}
	return routes
}
