package engine

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/site"
)

// Power is what Several does to each site.
type Power string

// The values of Power.
const (
	PowerStart   Power = "start"
	PowerStop    Power = "stop"
	PowerRestart Power = "restart"
)

// SeveralOptions of Several. The functions are called one at a time.
type SeveralOptions struct {
	Names  []string // in the order of their turns
	All    bool     // instead of Names: all sites that it changes, the highest priority first, then by name
	NoWait bool     // not until every service answers, only until PID 1 runs

	Plan     func(names []string) // once, before the first turn
	Progress func(name string, p SiteProgress)
	Done     func(SiteOutcome)
}

// SiteOutcome is what became of one site.
type SiteOutcome struct {
	Name      string
	Status    site.Status // where Err is nil
	Err       error
	Unchanged bool          // it ran, or was stopped, already
	Took      time.Duration // since its turn came
}

// Several starts, stops or restarts sites, a few at a time, and returns when each has its outcome. What one fails of keeps
// no other from its turn. When ctx ends, no further site has its turn: their outcome is ctx's error, and that of those
// that wait for their services.
func (e *Engine) Several(ctx context.Context, power Power, opts SeveralOptions) {
	names := opts.Names
	if opts.All {
		names = e.allFor(power)
	}
	opts.Plan(names)
	var (
		mu    sync.Mutex
		turns = turns{slots: make(chan struct{}, 2*runtime.NumCPU()), late: make(chan struct{}, 2*runtime.NumCPU())}
		group sync.WaitGroup
	)
	done := func(o SiteOutcome) {
		mu.Lock()
		defer mu.Unlock()
		opts.Done(o)
	}
	for _, name := range names {
		select {
		case turns.slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			done(SiteOutcome{Name: name, Err: context.Cause(ctx)})
			continue
		}
		group.Go(func() {
			turns.take(func() {
				done(e.power(ctx, power, name, opts.NoWait, func(p SiteProgress) {
					mu.Lock()
					defer mu.Unlock()
					opts.Progress(name, p)
				}))
			})
		})
	}
	group.Wait()
}

// power gives one site its turn.
func (e *Engine) power(ctx context.Context, power Power, name string, noWait bool, report SiteReport) SiteOutcome {
	began, ran := time.Now(), e.runs(name)
	o := SiteOutcome{Name: name}
	start := StartOptions{NoWait: noWait, Report: report}
	switch power {
	case PowerStart:
		o.Status, o.Err = e.Start(ctx, name, start)
		o.Unchanged = ran
	case PowerRestart:
		o.Status, o.Err = e.Restart(ctx, name, start)
	case PowerStop:
		o.Status, o.Err = e.Stop(ctx, name, report)
		o.Unchanged = !ran
	}
	o.Took = time.Since(began)
	return o
}

// runs tells whether a site that exists is up, or on its way.
func (e *Engine) runs(name string) bool {
	if _, err := e.store.Get(name); err != nil {
		return false
	}
	s := e.live(name).snapshot()
	return s.container != nil || s.state == site.Starting || e.isLeft(name)
}

// allFor names the sites that a change makes sense for.
func (e *Engine) allFor(power Power) []string {
	names := []string{}
	for _, rec := range byPriority(e.store.All()) {
		if rec.Phase != site.Stopped {
			continue // half made or half destroyed
		}
		failed := e.live(rec.Name()).snapshot().state == site.Failed
		if failed || e.runs(rec.Name()) != (power == PowerStart) {
			names = append(names, rec.Name())
		}
	}
	return names
}
