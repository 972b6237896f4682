package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/site"
)

// endNotice is how long after a broken connection the kernel may take to tell of PID 1's end.
const endNotice = 50 * time.Millisecond

// endWithSites ends ctx when one of the sites of the proof is stopped, or ends by itself: what is then seen of it is no answer
// to what was tried.
func (p *proof) endWithSites(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	for _, s := range []site.Status{p.subject, p.neighbour} {
		name := s.Record.Name()
		l := p.live(name)
		c := l.snapshot().container
		p.tasks.Go(func() {
			if l.awaitEnd(ctx, c) {
				cancel(p.errEnded(name))
			}
		})
	}
	return ctx, func() { cancel(nil) }
}

// awaitEnd returns true once c is no longer the container of a site that is to run, false when ctx ends before that.
func (l *live) awaitEnd(ctx context.Context, c *container.Container) bool {
	for {
		changed := l.snapshot().changed // before it is looked at
		if c == nil || !l.unexpected(c) {
			return true
		}
		select {
		case <-c.Done():
			return true
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// errEnded is why a proof cannot go on.
func (p *proof) errEnded(name string) error {
	if !p.throwaway && name == p.subject.Record.Name() {
		return fmt.Errorf("%w: it was stopped meanwhile, and what it can do cannot be told: see logis show %s, and prove it again", site.ErrConflict, name)
	}
	return fmt.Errorf("%w: %s, which was made for this, was stopped meanwhile: prove it again", site.ErrConflict, name)
}

// over tells, of a row that is not as expected, whether the proof has ended: then that is why.
func over(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(endNotice):
		return false
	}
}
