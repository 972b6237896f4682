package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/logis-project/logis/api"
)

// fleet is what is shown of sites that are made, started or stopped.
type fleet struct {
	act   string // "starting"
	begin time.Time
	ctx   context.Context //nolint:containedctx // of the one command; when it is done the command is being ended

	mu     sync.Mutex
	plan   []string                    // in the order of their turns
	at     map[string]api.SiteProgress // what the last element of each said
	done   int
	failed int
}

func newFleet(ctx context.Context, act string, names ...string) *fleet {
	return &fleet{act: act, begin: time.Now(), ctx: ctx, plan: names, at: map[string]api.SiteProgress{}}
}

// see takes an element.
func (f *fleet) see(p api.SiteProgress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.Site == "" {
		f.plan = p.Sites
		return
	}
	f.at[p.Site] = p
	if p.Done != nil || p.Error != nil {
		f.done++
	}
	if p.Error != nil {
		f.failed++
	}
}

// line is "starting  [=====>     ] 12 of 40 sites, 1 failed  0:04  alice: waits for mariadb; bob: disk".
func (f *fleet) line(width int) string { return f.text("  ", width) }

// plain is "starting, 12 of 40 sites, 1 failed, 0:04, alice: waits for mariadb; bob: disk".
func (f *fleet) plain() string { return f.text(", ", 0) }

func (f *fleet) text(sep string, width int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := []string{f.act}
	switch len(f.plan) {
	case 0:
	case 1:
		parts[0] += " " + clean(f.plan[0])
	default:
		far := fmt.Sprintf("%s%d of %d sites", bar(float64(f.done)/float64(len(f.plan)), width), f.done, len(f.plan))
		if f.failed > 0 {
			far += fmt.Sprintf(", %d failed", f.failed)
		}
		parts = append(parts, far)
	}
	parts = append(parts, clock(time.Since(f.begin)))
	if now := f.now(); now != "" {
		parts = append(parts, now)
	}
	return strings.Join(parts, sep)
}

// nowMost is how many sites are named that something goes on with.
const nowMost = 3

// now says what goes on, in the order of turns.
func (f *fleet) now() string {
	if f.ctx.Err() != nil {
		return "interrupted: waiting until logisd has ended it"
	}
	var now []string
	more := 0
	for _, name := range f.plan {
		p, begun := f.at[name]
		switch what := whatGoesOn(p); {
		case !begun || p.Done != nil || p.Error != nil || what == "":
		case len(now) == nowMost:
			more++
		case len(f.plan) == 1:
			now = append(now, what)
		default:
			now = append(now, clean(name)+": "+what)
		}
	}
	text := strings.Join(now, "; ")
	if more > 0 {
		text += fmt.Sprintf("; %d more", more)
	}
	return text
}

// whatGoesOn puts a step into words. The names of services come from inside the site.
func whatGoesOn(p api.SiteProgress) string {
	services := clean(strings.Join(p.Waiting, ", "))
	switch p.Step {
	case "turn":
		return "waiting for another command on it"
	case "disk":
		return "making its disk"
	case "files":
		return "writing account, keys and database"
	case "container":
		return "starting PID 1"
	case "stop":
		if services == "" {
			return "ending"
		}
		return "ending " + services
	case "services":
		if services == "" {
			return "waiting for PID 1"
		}
		return "waiting for " + services
	}
	return ""
}
