package engine

import (
	"context"
	"slices"

	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/site"
)

// DomainChange is what became of one domain of a site.
type DomainChange struct {
	Domain  string // as it is recorded: site.CanonicalDomain
	Changed bool   // false: the site had it already
	Status  site.Status
}

// AddDomain gives a site a further domain, and returns when the proxy leads it there; a stopped site gets it all the same. An error
// leaves everything as it was. Errors wrap site.ErrInvalid, site.ErrConflict where another site has it, or none of them.
func (e *Engine) AddDomain(ctx context.Context, name, domain string) (DomainChange, error) {
	domain, err := site.CanonicalDomain(domain)
	if err != nil {
		return DomainChange{}, err
	}
	add := func() (site.Record, bool, error) { return e.store.AddDomain(name, domain) }
	back := func() error { _, err := e.store.RemoveDomain(name, domain); return err }
	return e.changeDomain(ctx, name, DomainChange{Domain: domain}, "domain "+domain+" added", add, back)
}

// RemoveDomain takes a domain from a site, and returns when the proxy leads it there no more. Errors are those of AddDomain, and
// site.ErrAbsent where the site has it not; site.ErrConflict is its own domain, which stays.
func (e *Engine) RemoveDomain(ctx context.Context, name, domain string) (DomainChange, error) {
	domain, err := site.CanonicalDomain(domain)
	if err != nil {
		return DomainChange{}, err
	}
	remove := func() (site.Record, bool, error) {
		rec, err := e.store.RemoveDomain(name, domain)
		return rec, true, err
	}
	back := func() error { _, _, err := e.store.AddDomain(name, domain); return err }
	change, err := e.changeDomain(ctx, name, DomainChange{Domain: domain}, "domain "+domain+" removed", remove, back)
	if err == nil {
		e.tasks.Go(func() { e.inherit(domain) })
	}
	return change, err
}

// changeDomain makes a change of a site's domains by do, which back undoes, and tells the proxy of it.
func (e *Engine) changeDomain(ctx context.Context, name string, change DomainChange, what string,
	do func() (site.Record, bool, error), back func() error,
) (_ DomainChange, err error) {
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return change, err
	}
	defer unlock()
	old, err := e.changeable(name)
	if err != nil {
		return change, err
	}
	// From here on it goes to the end or back, whoever leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var undo undo
	defer func() { undo.runOn(ctx, e.log, &err) }()
	rec, changed, err := do()
	if err != nil {
		return change, err
	}
	if change.Changed = changed; changed {
		undo.add("put back the record", func(context.Context) error { return back() })
		if err := fault.Point("domain: recorded"); err != nil {
			return change, err
		}
		undo.add("put back the route", func(ctx context.Context) error { return e.reroute(ctx, old) })
		if err := e.reroute(ctx, rec); err != nil {
			return change, err
		}
		if err := fault.Point("domain: route"); err != nil {
			return change, err
		}
		e.note(event.SiteChanged, name, 0, "%s", what)
		e.tell(rec, 0)
	}
	change.Status = e.status(ctx, rec)
	return change, nil
}

// reroute tells the proxy of the domains of a site, which is up or not as before. The lock is held.
func (e *Engine) reroute(ctx context.Context, rec site.Record) error {
	s := e.live(rec.Name()).snapshot()
	return e.route(ctx, rec, e.expected(rec) && (s.container != nil || s.state != site.Failed))
}

// inherit leads a domain to the site that had claimed it after the one that has given it up.
func (e *Engine) inherit(domain string) {
	for _, rec := range e.store.All() {
		if rec.Phase != site.Stopped || !slices.Contains(e.store.Domains(rec), domain) {
			continue
		}
		ctx, unlock, err := e.lock(e.background, rec.Name())
		if err != nil {
			return
		}
		if rec, err := e.store.Get(rec.Name()); err == nil && rec.Phase == site.Stopped {
			if err := e.reroute(ctx, rec); err != nil {
				e.log.Error("lead a domain to its next site", "domain", domain, "site", rec.Name(), "error", err)
			}
		}
		unlock()
	}
}
