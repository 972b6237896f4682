package engine

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

const webPort = 80

func (e *Engine) routeOf(rec site.Record, up bool) route.Route {
	state := route.Stopped
	if up {
		state = route.Up
	}
	return route.Route{
		Site: rec.Name(), Domains: e.store.Domains(rec),
		Upstream: netip.AddrPortFrom(rec.Address4, webPort), State: state,
	}
}

// expected tells whether visitors of a site may wait for it to answer: it runs, or will soon.
func (e *Engine) expected(rec site.Record) bool {
	if rec.Desired != site.Running || e.store.Fits(rec) != nil {
		return false
	}
	return !e.isHalted() || e.live(rec.Name()).snapshot().container != nil
}

// route tells the proxy of a site: up, or stopped, for which it says so to visitors.
func (e *Engine) route(ctx context.Context, rec site.Record, up bool) error {
	if err := e.routes.Set(ctx, e.routeOf(rec, up)); err != nil {
		return fmt.Errorf("route to %s: %w", rec.Name(), err)
	}
	return nil
}

// unroute takes a site out of service at the proxy; one that is being made or destroyed vanishes from it.
func (e *Engine) unroute(ctx context.Context, rec site.Record) error {
	if rec.Phase == site.Stopped {
		return e.route(ctx, rec, false)
	}
	if err := e.routes.Delete(ctx, rec.Name()); err != nil {
		return fmt.Errorf("delete route to %s: %w", rec.Name(), err)
	}
	return nil
}
