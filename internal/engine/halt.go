package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/site"
)

// Up takes back what Down asked for, gives every site that should run and does not its turn, and returns when each has had
// it. A boot that still goes on is waited for.
func (e *Engine) Up(ctx context.Context) (BootReport, error) {
	if err := e.halt.Clear(); err != nil {
		return BootReport{}, err
	}
	e.mu.Lock()
	p, was := e.pass, e.halted
	e.halted = false // before any turn is taken: a stop for the halt's sake that has not begun by then does not begin
	if was || p == nil || p.ended() {
		p = e.beginPass()
	}
	e.mu.Unlock()
	select {
	case <-p.done:
		return p.snapshot(), nil
	case <-ctx.Done():
		return BootReport{}, context.Cause(ctx)
	}
}

// Down stops every site, all at the same time, and keeps it so until Up or the next boot of the host, while the records go on
// saying what should run. Commands that run give way; a site that has not stopped within budget is killed. It returns how
// many sites it stopped.
func (e *Engine) Down(ctx context.Context, budget time.Duration) (int, error) {
	if err := e.halt.Set(); err != nil {
		return 0, err
	}
	e.mu.Lock()
	e.halted = true
	e.mu.Unlock()
	deadline := time.Now().Add(budget)
	var (
		stops   sync.WaitGroup
		mu      sync.Mutex
		stopped int
		errs    []error
	)
	for _, rec := range e.store.All() {
		e.ops.interrupt(rec.Name())
		stops.Go(func() {
			did, err := e.rest(rec.Name(), deadline)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("stop %s: %w", rec.Name(), err))
			} else if did {
				stopped++
			}
		})
	}
	stops.Wait()
	took := budget - time.Until(deadline)
	e.log.Info("sites halted", "stopped", stopped, "failed", len(errs), "took", took)
	e.note(event.SitesHalted, "", took, "%d stopped, %d failed", stopped, len(errs))
	return stopped, errors.Join(errs...)
}

// rest stops a site and leaves alone what its record wants of it; it reports whether the site ran. The caller's going away does
// not stop it: a host that shuts down has nobody who would do it again.
func (e *Engine) rest(name string, deadline time.Time) (bool, error) {
	ctx, unlock, err := e.lock(e.background, name)
	if err != nil {
		return false, err
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if err != nil || rec.Phase != site.Stopped || e.live(name).snapshot().container == nil || !e.isHalted() {
		return false, nil // gone, or being undone: neither is anything that runs
	}
	return true, e.stop(ctx, rec, time.Until(deadline))
}

func (e *Engine) isHalted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.halted
}

// lastBoot returns the report of the last pass over the sites that should run, which may still go on.
func (e *Engine) lastBoot() BootReport {
	e.mu.Lock()
	p := e.pass
	e.mu.Unlock()
	if p == nil {
		return BootReport{}
	}
	return p.snapshot()
}
