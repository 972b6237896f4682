package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

const (
	// deaths is how often a service ends in a row, without having answered, until it counts as one that does not start. With
	// PID 1's pauses these are at least one and a half seconds.
	deaths = 5

	maxServiceName  = 64  // bytes of what a site calls a service that are repeated
	maxServiceError = 128 // bytes of why it says that it ended

	lastLines    = 10              // of the log of a service that does not start
	maxLastLine  = 300             // bytes of each
	lastLogLimit = 3 * time.Second // for the site to tell them
)

// NotStartingError says that a service of a site ends at every start. All it holds is the site's: bounded, not escaped.
type NotStartingError struct {
	Site, Service, Why string
	Log                []string // the last lines of the service's log
	Undone             bool     // the site was being made, and is gone
}

func (e *NotStartingError) Error() string {
	if e.Undone {
		return e.Why + ": to look into it make it with --no-wait"
	}
	return fmt.Sprintf("%s: see logis logs %s --service %s", e.Why, e.Site, e.Service)
}

// failing is a service that ends at every start; the zero value is none.
type failing struct{ service, why string }

// judge looks for a service that ends at every start, and makes the site a failed one, or no longer, as the case may be. It
// tells whether to tell of it. l.mu is held.
func (l *live) judge(status control.Status) (tell bool) {
	answered, found := map[string]int{}, failing{}
	for _, s := range status.Services {
		answered[s.Name] = min(l.answered[s.Name], s.Restarts) // stopped and started inside, it counts anew
		if s.Ready {
			answered[s.Name] = s.Restarts
		}
		in := s.Restarts - answered[s.Name]
		// Between two deaths it is one that starts, and still does not answer.
		if !s.Ready && (in >= deaths-1 && s.State == "failed" || in >= deaths) && found == (failing{}) {
			name := bounded(s.Name, maxServiceName)
			why := bounded(s.Error, maxServiceError)
			if name == l.failing.service && s.State != "failed" {
				found = l.failing // what it died of last
				continue
			}
			found = failing{name, "service " + name + " ends at every start" + because(why)}
		}
	}
	l.answered = answered
	was := l.failing
	l.failing = found
	switch {
	case l.stopping:
	case found.service != "" && (l.state == site.Starting || l.state == site.Running || l.state == site.Failed && was.service != ""):
		l.state, l.failure = site.Failed, found.why
		return was.service != found.service && l.failures.allow(time.Now())
	case found.service == "" && was.service != "" && l.state == site.Failed:
		l.state, l.failure = site.Starting, ""
		if status.Ready {
			l.state = site.Running
		}
	}
	return false
}

// bounded is s, or its first max bytes.
func bounded(s string, max int) string {
	if len(s) <= max {
		return s
	}
	return strings.ToValidUTF8(s[:max], "")
}

// notStarting is the error of a site that has such a service.
func (e *Engine) notStarting(ctx context.Context, name string, s snapshot) error {
	return &NotStartingError{
		Site: name, Service: s.failing.service, Why: s.failing.why, Log: e.lastLog(ctx, name, s.container, s.failing.service),
	}
}

// lastLog asks a site for the last lines of the log of a service. They are the site's words; where it does not tell them in
// time, there are none.
func (e *Engine) lastLog(ctx context.Context, name string, c *container.Container, service string) []string {
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lastLogLimit)
	defer cancel()
	conn, err := c.Dial(ctx, control.Request{Op: control.OpLogs, Logs: &control.Logs{Service: service, Lines: lastLines}})
	if err != nil {
		e.log.Info("read the log of a service that does not start", "site", name, "error", err)
		return nil
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	var lines []string
	for len(lines) < lastLines {
		var line control.LogLine
		if control.Read(conn, &line) != nil {
			break
		}
		lines = append(lines, bounded(line.Text, maxLastLine))
	}
	return lines
}

// noteFailing tells of a service of a site that ends at every start.
func (e *Engine) noteFailing(name string) {
	s := e.live(name).snapshot()
	if s.failing.service != "" {
		e.noteFailed(name, errors.New(s.failing.why))
	}
}
