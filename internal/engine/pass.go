package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/site"
)

// Outcome is what became of a site that should run.
type Outcome string

// The outcomes of a BootSite.
const (
	Waiting     Outcome = "waiting"     // for its turn, or to be ready
	Adopted     Outcome = "adopted"     // it ran already
	Up          Outcome = "up"          // every service answers
	NotUp       Outcome = "failed"      // and is tried again, unless it runs and is only not ready
	Interrupted Outcome = "interrupted" // by another command on the site, or the end of logisd
)

// BootReport says what became of the sites that should run, at the last start of logisd or `logis sites up`.
type BootReport struct {
	Began, Ended time.Time  // Ended is zero while it goes on
	Sites        []BootSite // in the order of their starts
}

// BootSite is one site of a BootReport.
type BootSite struct {
	Name    string
	Outcome Outcome
	Error   string        // why it is NotUp, one line
	Took    time.Duration // from its turn to its outcome
}

// slotTime is how long a site that is not ready keeps others from their turn: one whose owner broke a service must not.
const slotTime = 10 * time.Second

// pass is one attempt at every site that should run.
type pass struct {
	done   chan struct{}
	halted bool // sites were halted meanwhile; Engine.mu guards it

	mu     sync.Mutex
	report BootReport
}

func (p *pass) snapshot() BootReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	report := p.report
	report.Sites = slices.Clone(report.Sites)
	return report
}

func (p *pass) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *pass) note(i int, outcome Outcome, err error, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &p.report.Sites[i]
	s.Outcome, s.Took = outcome, took
	if err != nil {
		s.Error = err.Error()
	}
}

// beginPass starts, in the background, the sites that should run and do not: highest priority first, then by name. e.mu is
// held.
func (e *Engine) beginPass() *pass {
	p := &pass{done: make(chan struct{}), report: BootReport{Began: time.Now()}}
	for _, rec := range byPriority(e.store.All()) {
		if rec.Desired == site.Running && rec.Phase == site.Stopped {
			p.report.Sites = append(p.report.Sites, BootSite{Name: rec.Name(), Outcome: Waiting})
		}
	}
	e.pass = p
	e.tasks.Go(func() { e.runPass(p) })
	return p
}

// byPriority sorts records in the order in which their sites start: the highest priority first, then by name.
func byPriority(records []site.Record) []site.Record {
	slices.SortFunc(records, func(a, b site.Record) int {
		return cmp.Or(cmp.Compare(b.Spec.Priority, a.Spec.Priority), cmp.Compare(a.Name(), b.Name()))
	})
	return records
}

// runPass gives each site its turn, a few at a time: database starts are the cost.
func (e *Engine) runPass(p *pass) {
	t := turns{slots: make(chan struct{}, 2*runtime.NumCPU()), late: make(chan struct{}, 2*runtime.NumCPU())}
	var starts sync.WaitGroup
	for i, s := range p.snapshot().Sites {
		if e.undisturbed(s.Name) {
			p.note(i, Adopted, nil, 0)
			continue
		}
		e.mu.Lock()
		e.reported = p
		e.mu.Unlock()
		select {
		case t.slots <- struct{}{}:
		case <-e.background.Done():
			p.note(i, Interrupted, nil, 0)
			continue
		}
		starts.Go(func() { t.take(func() { e.turn(p, i, s.Name) }) })
	}
	starts.Wait()
	p.mu.Lock()
	p.report.Ended = time.Now()
	p.mu.Unlock()
	close(p.done)
	report := p.snapshot()
	e.log.Info("boot finished", "sites", report.String())
	if e.background.Err() == nil { // else the next logisd goes on with it
		e.note(event.BootFinished, "", report.Ended.Sub(report.Began), "%s", report)
	}
}

// undisturbed tells whether a site runs and nobody is changing it. One that is being stopped, by a Down that is taken back
// before its end, takes its turn: it waits for that end and is started again.
func (e *Engine) undisturbed(name string) bool {
	unlock, ok := e.ops.try(name)
	if !ok {
		return false
	}
	defer unlock()
	return e.live(name).snapshot().container != nil
}

// turns bounds the starts that go on at the same time.
type turns struct {
	slots chan struct{} // an element for each start that has its turn
	late  chan struct{} // and for each that took longer than slotTime, and gave its turn up
}

// take runs start, which has a slot, and gives that back when start ends or takes long. Of those that take long there are only
// so many: where the whole machine is slow, more starts would not help.
func (t turns) take(start func()) {
	leave := sync.OnceFunc(func() { <-t.slots })
	defer leave()
	decided, late := make(chan struct{}), false
	timer := time.AfterFunc(slotTime, func() {
		defer close(decided)
		select {
		case t.late <- struct{}{}:
			late = true
			leave()
		default:
		}
	})
	start()
	if timer.Stop() {
		return
	}
	<-decided
	if late {
		<-t.late
	}
}

func (e *Engine) turn(p *pass, i int, name string) {
	began := time.Now()
	err := e.raise(e.background, name, true)
	took := time.Since(began)
	switch {
	case err == nil:
		p.note(i, Up, nil, took)
	case interrupted(err):
		p.note(i, Interrupted, nil, took)
		e.log.Info("start interrupted", "site", name, "error", err)
	default:
		p.note(i, NotUp, err, took)
		e.log.Error("start site", "site", name, "error", err)
	}
}

// raise starts a site that should run and does not; with ready it returns when every service answers. Where there is nothing
// to do, it is nil.
func (e *Engine) raise(ctx context.Context, name string, ready bool) error {
	ctx, unlock, err := e.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := e.store.Get(name)
	if errors.Is(err, site.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if rec.Phase != site.Stopped || rec.Desired != site.Running || e.live(name).snapshot().container != nil || e.isHalted() {
		return nil
	}
	began := time.Now()
	if err := e.startOrFail(ctx, rec); err != nil {
		return err
	}
	if !ready {
		e.live(name).restarted()
		e.note(event.SiteRestarted, name, 0, "logisd started it again")
		return nil
	}
	err = e.awaitReady(ctx, name, nil)
	e.noteStarted(name, time.Since(began), true, err)
	return err
}

// interrupted tells whether a change ended because another command took over, or logisd ends.
func interrupted(err error) bool {
	return errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled)
}

// String sums the report up in a line: "3 up, 1 adopted, 1 failed (bob: no image)".
func (r BootReport) String() string {
	count := map[Outcome]int{}
	var failed []string
	for _, s := range r.Sites {
		count[s.Outcome]++
		if s.Outcome == NotUp {
			failed = append(failed, s.Name+because(s.Error))
		}
	}
	var parts []string
	for _, o := range []Outcome{Up, Adopted, Waiting, Interrupted, NotUp} {
		if count[o] == 0 {
			continue
		}
		part := fmt.Sprintf("%d %s", count[o], o)
		if o == NotUp {
			part += " (" + someOf(failed) + ")"
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "no site should run"
	}
	return strings.Join(parts, ", ")
}
