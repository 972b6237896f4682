package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/logis-project/logis/internal/event"
)

// Events calls each for the last n events, oldest first, and with follow for those that come, until ctx is done or each
// returns an error.
func (e *Engine) Events(ctx context.Context, n int, follow bool, each func(event.Event) error) error {
	if follow {
		return e.events.Follow(ctx, n, each)
	}
	return e.events.Last(n, each)
}

// note adds an event. name is a site's, or "" for what concerns none; took is zero where it says nothing. What is left of
// the message when words come from inside a site is printable and bounded: package event sees to it.
func (e *Engine) note(kind event.Type, name string, took time.Duration, format string, args ...any) {
	e.events.Add(event.Event{Type: kind, Site: name, Message: fmt.Sprintf(format, args...), Seconds: took.Seconds()})
}

// noteFailed tells of a failure of a site, but only once of one that comes again at every attempt: whoever is root in a site
// could else push everybody's events out.
func (e *Engine) noteFailed(name string, err error) {
	if errors.Is(err, context.Canceled) || !e.live(name).tell(err.Error()) {
		return // logisd ends, and the next one goes on; or it is known
	}
	e.note(event.SiteFailed, name, 0, "%v", err)
}

// tell reports whether a failure is another one than the last since all services were ready.
func (l *live) tell(failure string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	anew := l.told != failure
	l.told = failure
	return anew
}

// noteStarted tells of a site whose PID 1 runs. waited says that its services were waited for, err why they were not ready.
func (e *Engine) noteStarted(name string, took time.Duration, waited bool, err error) {
	switch {
	case waited && err == nil:
		e.note(event.SiteStarted, name, took, "ready")
	case err == nil, interrupted(err):
		e.note(event.SiteStarted, name, took, "its services are starting")
	default:
		if f, ok := errors.AsType[*NotStartingError](err); ok {
			err = errors.New(f.Why) // which may have been told of already
		}
		e.noteFailed(name, err)
	}
}

// noteUndone tells of a create that was undone because of err; clean says that nothing is left of it.
func (e *Engine) noteUndone(name string, clean bool, err error) {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	if !clean {
		e.note(event.SiteFailed, name, 0, "it could not be made, nor wholly undone: destroy it: %v", err)
		return
	}
	e.note(event.SiteUndone, name, 0, "it could not be made, nothing is left: %v", err)
}
