package servertest

import (
	"context"
	"fmt"
	"time"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/site"
)

// Start implements server.Engine.
func (m *Engine) Start(ctx context.Context, name string, opts engine.StartOptions) (site.Status, error) {
	if opts.NoWait {
		return m.set(name, site.Starting)
	}
	if opts.Report != nil {
		opts.Report(engine.SiteProgress{Step: engine.StepServices, Waiting: []string{"mariadb"}})
	}
	if m.OnStart != nil {
		if err := m.OnStart(ctx, name); err != nil {
			return site.Status{}, err
		}
	}
	return m.set(name, site.Running)
}

// Stop implements server.Engine.
func (m *Engine) Stop(ctx context.Context, name string, _ engine.SiteReport) (site.Status, error) {
	if s, err := m.Show(ctx, name); err == nil && s.State == site.Destroying {
		return s, fmt.Errorf("%w: it is being destroyed", site.ErrConflict)
	}
	return m.set(name, site.Stopped)
}

// Restart implements server.Engine.
func (m *Engine) Restart(ctx context.Context, name string, opts engine.StartOptions) (site.Status, error) {
	return m.Start(ctx, name, opts)
}

// Several implements server.Engine, one site after the other.
func (m *Engine) Several(ctx context.Context, power engine.Power, opts engine.SeveralOptions) {
	all, _ := m.List(ctx)
	state := map[string]site.State{}
	for _, s := range all {
		state[s.Record.Name()] = s.State
		up := s.State == site.Running || s.State == site.Starting
		if opts.All && s.State != site.Destroying && (s.State == site.Failed || up != (power == engine.PowerStart)) {
			opts.Names = append(opts.Names, s.Record.Name())
		}
	}
	opts.Plan(opts.Names)
	for _, name := range opts.Names {
		o := engine.SiteOutcome{Name: name, Took: time.Second}
		start := engine.StartOptions{NoWait: opts.NoWait, Report: func(p engine.SiteProgress) { opts.Progress(name, p) }}
		switch {
		case ctx.Err() != nil:
			o.Err = ctx.Err()
		case power == engine.PowerStart:
			o.Unchanged = state[name] == site.Running
			o.Status, o.Err = m.Start(ctx, name, start)
		case power == engine.PowerStop:
			o.Unchanged = state[name] == site.Stopped
			o.Status, o.Err = m.Stop(ctx, name, nil)
		default:
			o.Status, o.Err = m.Restart(ctx, name, start)
		}
		opts.Done(o)
	}
}
