package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/site"
)

// List returns every site, by name.
func (e *Engine) List(ctx context.Context) ([]site.Status, error) {
	disks, err := e.pool.Uses(ctx, true) // at once for all
	if err != nil {
		e.log.Error("read what sites use of their disks", "error", err)
	}
	var out []site.Status
	for _, rec := range e.store.All() {
		out = append(out, e.statusWith(rec, disks[rec.Index]))
	}
	return out, ctx.Err()
}

// Show returns one site, with the log of what fails in it, or site.ErrNotFound.
func (e *Engine) Show(ctx context.Context, name string) (site.Status, error) {
	rec, err := e.store.Get(name)
	if err != nil {
		return site.Status{}, err
	}
	st := e.status(ctx, rec)
	if st.Failing.Service != "" {
		st.Failing.Log = e.lastLog(ctx, name, e.live(name).snapshot().container, st.Failing.Service)
	}
	return st, nil
}

// Wait returns when a site is ready (target site.Running: every service answers) or stopped (site.Stopped).
func (e *Engine) Wait(ctx context.Context, name string, target site.State) (site.Status, error) {
	for {
		rec, err := e.store.Get(name)
		if err != nil {
			return site.Status{}, err
		}
		s := e.live(name).snapshot()
		switch {
		case target == site.Running && s.ready, target == site.Stopped && s.container == nil && s.state == site.Stopped:
			return e.status(ctx, rec), nil
		case target == site.Running && s.container == nil && rec.Desired == site.Stopped && s.state == site.Stopped:
			return site.Status{}, fmt.Errorf("%w: it is stopped: start it with logis start %s", site.ErrConflict, name)
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return site.Status{}, fmt.Errorf("it is %s%s: %w", s.state, because(s.failure), context.Cause(ctx))
		}
	}
}

// stateOf is what is seen of a site from outside: one that is made or destroyed starts and stops on the way.
func stateOf(rec site.Record, s snapshot) site.State {
	if rec.Phase != site.Stopped && s.state != site.Failed {
		return rec.Phase
	}
	return s.state
}

// status puts together what is wanted, given and seen of a site.
func (e *Engine) status(ctx context.Context, rec site.Record) site.Status {
	disk, err := e.pool.Usage(ctx, rec.Name())
	if err != nil {
		disk = pool.Use{} // it has none yet, or none any more
	}
	return e.statusWith(rec, disk)
}

// statusWith is status of a site that uses so much of its disk.
func (e *Engine) statusWith(rec site.Record, disk pool.Use) site.Status {
	s := e.live(rec.Name()).snapshot()
	domains := e.store.Domains(rec)
	out := site.Status{
		Record: rec, State: stateOf(rec, s), Error: s.failure,
		Domains: domains, URLs: e.urls(domains), SSHHost: e.publicHost(),
	}
	out.Usage.Disk, out.Usage.Files, out.Usage.FilesLimit = disk.Used, disk.FilesUsed, disk.FilesLimit
	out.Links, out.Failing.Service = e.linksOf(rec.Name()), s.failing.service
	for _, service := range s.services {
		out.Services = append(out.Services, site.Service{
			Name: service.Name, State: service.State, Ready: service.Ready, PID: service.PID, Restarts: service.Restarts,
		})
	}
	if c := s.container; c != nil {
		out.PID, out.StartedAt, out.Warnings = c.PID(), c.StartedAt(), c.Warnings(limitsOf(rec))
		e.live(rec.Name()).addUsage(c, &out.Usage)
	}
	if s.container == nil && rec.Desired == site.Running && e.isHalted() {
		out.Warnings = append(out.Warnings, "all sites are halted until the next boot, or: logis sites up")
	}
	for _, clash := range e.store.Clashes() {
		if clash.Loser == rec.Name() {
			out.Warnings = append(out.Warnings, "domain "+clash.Domain+" leads to site "+clash.Owner+", which was made first: see base_domain")
		}
	}
	out.Warnings = e.live(rec.Name()).warnings(out.Warnings)
	return out
}

// errNotUp is why a site that does not run cannot be entered.
func errNotUp(name string, state site.State) error {
	if state == site.Stopped || state == site.Failed {
		return fmt.Errorf("%w: it is %s: start it with logis start %s", site.ErrConflict, state, name)
	}
	return fmt.Errorf("%w: it is %s: wait for it with logis wait %s", site.ErrConflict, state, name)
}

var errGone = errors.New("it stopped meanwhile")
