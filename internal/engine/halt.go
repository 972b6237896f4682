package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/site"
)

// killTimeout bounds the end of a container after SIGKILL: longer than that only a broken disk takes.
const killTimeout = 20 * time.Second

// Up takes back what Down asked for, gives every site that should run and does not its turn, and returns when each has had
// it. A boot that still goes on is waited for.
func (e *Engine) Up(ctx context.Context) (BootReport, error) {
	if err := e.setHalted(false); err != nil {
		return BootReport{}, err
	}
	if err := fault.Point("up: recorded"); err != nil {
		return BootReport{}, err
	}
	e.mu.Lock()
	p := e.pass
	if p == nil || p.ended() || p.halted {
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

// setHalted changes whether sites are to stay down, in memory and for the next logisd. An error says that the latter will not
// know of it.
func (e *Engine) setHalted(halted bool) error {
	e.halting.Lock()
	defer e.halting.Unlock()
	var err error
	if halted {
		err = e.halt.Set()
	} else if err = e.halt.Clear(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.halted = halted
	if halted && e.pass != nil {
		e.pass.halted = true // who asks for all sites from here on wants another one
	}
	return err
}

// Down stops every site, all at the same time, and keeps it so until Up or the next boot of the host, while the records go on
// saying what should run. Commands that run give way; a site that has not stopped within budget is killed. It returns how
// many sites it stopped. Should the wish not be recorded they are stopped all the same, and the error says so.
func (e *Engine) Down(_ context.Context, budget time.Duration) (int, error) {
	began := time.Now()
	err := errors.Join(e.setHalted(true), fault.Point("down: recorded"))
	defer time.AfterFunc(budget, e.hurryUp).Stop()
	ctx, cancel := context.WithTimeout(e.background, budget+killTimeout)
	defer cancel()
	stopped := 0
	// Once more, while there are any: one that was being made or started may have come to run meanwhile.
	for pause := time.Millisecond; ctx.Err() == nil && e.isHalted(); pause = min(2*pause, 100*time.Millisecond) {
		names := e.toRest()
		if len(names) == 0 {
			break
		}
		n, rerr := e.restAll(ctx, names)
		stopped += n
		if rerr != nil {
			err = errors.Join(err, rerr)
			break
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	took := time.Since(began)
	e.log.Info("sites halted", "stopped", stopped, "took", took, "error", err)
	because := ""
	if err != nil {
		because = ": " + err.Error()
	}
	e.note(event.SitesHalted, "", took, "%d stopped%s", stopped, because)
	return stopped, err
}

// toRest names the sites that run, or are on their way to.
func (e *Engine) toRest() []string {
	var names []string
	for _, rec := range e.store.All() {
		s := e.live(rec.Name()).snapshot()
		if s.container != nil || s.state == site.Starting || s.state == site.Creating {
			names = append(names, rec.Name())
		}
	}
	return names
}

func (e *Engine) restAll(ctx context.Context, names []string) (stopped int, err error) {
	var (
		stops sync.WaitGroup
		mu    sync.Mutex
	)
	for _, name := range names {
		e.ops.interrupt(name)
		stops.Go(func() {
			did, rerr := e.rest(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			if rerr != nil {
				err = errors.Join(err, fmt.Errorf("stop %s: %w", name, rerr))
			} else if did {
				stopped++
			}
		})
	}
	stops.Wait()
	return stopped, err
}

// rest stops a site and leaves alone what its record wants of it; it reports whether the site ran.
func (e *Engine) rest(ctx context.Context, name string) (bool, error) {
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return false, err
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if err != nil || rec.Phase != site.Stopped || e.live(name).snapshot().container == nil || !e.isHalted() {
		return false, nil // gone, or being undone: neither is anything that runs
	}
	return true, e.stop(ctx, rec)
}

// endInOrder stops a container's services in their order. What still runs after stopGrace, or when the time of a shutdown is over,
// is killed.
func (e *Engine) endInOrder(ctx context.Context, c *container.Container) error {
	patience, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	e.mu.Lock()
	hurry := e.hurry
	e.mu.Unlock()
	hurried := make(chan struct{})
	go func() { // ends with patience
		defer close(hurried)
		select {
		case <-hurry:
			cancel()
		case <-patience.Done():
		}
	}()
	err := c.Stop(patience, stopGrace)
	cancel()
	<-hurried
	select {
	case <-c.Done():
		return nil
	default:
	}
	if ctx.Err() != nil {
		return errors.Join(err, ctx.Err()) // logisd ends: the next Boot goes on with it
	}
	ctx, cancel = context.WithTimeout(ctx, killTimeout)
	defer cancel()
	return c.Kill(ctx)
}

// hurryUp ends the patience with all containers that are being stopped.
func (e *Engine) hurryUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.hurry)
	e.hurry = make(chan struct{})
}

// errHalted is why no site is started now.
func (e *Engine) errHalted() error {
	if !e.isHalted() {
		return nil
	}
	return fmt.Errorf("%w: all sites are halted, since the host shuts down or somebody said so: logis sites up ends it", site.ErrConflict)
}

func (e *Engine) isHalted() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.halted
}

// lastBoot returns the report of the last pass that started a site, or found one that it should have; it may still go on.
func (e *Engine) lastBoot() BootReport {
	e.mu.Lock()
	p := e.reported
	if p == nil {
		p = e.pass
	}
	e.mu.Unlock()
	if p == nil {
		return BootReport{}
	}
	return p.snapshot()
}
