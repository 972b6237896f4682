package cli

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/logis-project/logis/api"
)

// warning marks a step that is none: what the build has to say about the image.
const warning = "warning: "

// building is what is shown of an image build.
type building struct {
	name  string
	begin time.Time
	ctx   context.Context //nolint:containedctx // of the one build; when it is done the build is being ended

	mu       sync.Mutex
	now      api.Progress // Total is 0 until the first step begins
	details  int          // seen in this step
	warnings []string
}

// showBuild shows the progress of a build: beside what watch tells, a line a step where nothing is drawn, and at the end what
// the build has to say about the image.
func (c *commandLine) showBuild(ctx context.Context, name string) (report func(api.Progress), stop func()) {
	b := &building{name: clean(name), begin: time.Now(), ctx: ctx}
	hide := c.watch(b)
	report = func(p api.Progress) {
		if next := b.see(p); next && !c.draws() {
			_, _ = fmt.Fprintf(c.Err, "[%d/%d] %s\n", p.Index, p.Total, clean(p.Step))
		}
	}
	return report, func() {
		hide()
		for _, w := range b.warnings {
			_, _ = fmt.Fprintln(c.Err, w)
		}
	}
}

// see takes an element, and tells whether a step begins with it.
func (b *building) see(p api.Progress) (next bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.HasPrefix(p.Step, warning) {
		b.warnings = append(b.warnings, clean(p.Step))
		return false
	}
	next = p.Index != b.now.Index
	switch {
	case next:
		b.details = 0
	case p.Detail != "":
		b.details++
	}
	b.now = p
	return next
}

// detail is what a program said last, or that the build is being ended.
func (b *building) detail() string {
	if b.ctx.Err() != nil {
		return "interrupted: waiting until logisd has ended it"
	}
	return strings.TrimSpace(clean(strings.TrimPrefix(b.now.Detail, "I: "))) // debootstrap's word for information
}

// line is "image lemp  [=====>      ] 3/6 packages  0:41  Unpacking nginx…".
func (b *building) line(width int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, elapsed := b.now, time.Since(b.begin)
	head := "image " + b.name
	switch {
	case p.Total > 0:
		// How many lines a step will say is not known: each takes the bar nearer to the step's end, none gets it there.
		part := float64(b.details) / float64(b.details+halfway)
		done := (float64(max(p.Index-1, 0)) + part) / float64(p.Total)
		head += fmt.Sprintf("  %s%d/%d %s", bar(done, width), p.Index, p.Total, clean(p.Step))
	case elapsed < patience:
		head += "  begins"
	default:
		head += "  waits for another build of it, or its removal"
	}
	return head + "  " + clock(elapsed) + "  " + b.detail()
}

// plain is "[3/6] packages, 0:41: Unpacking nginx"; that a step begins has been told.
func (b *building) plain() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	detail := b.detail()
	switch {
	case b.now.Total == 0:
		return "waiting: another build of image " + b.name + " is under way, or its removal"
	case detail == "":
		return ""
	}
	return fmt.Sprintf("[%d/%d] %s, %s: %s", b.now.Index, b.now.Total, clean(b.now.Step), clock(time.Since(b.begin)), detail)
}

// halfway is the number of details that takes the bar to the middle of a step.
const halfway = 200

// bar draws a part from 0 to 1; a narrow terminal has better use for its columns.
func bar(part float64, width int) string {
	if width < 48 {
		return ""
	}
	cells := min(width/6, 20)
	done := min(int(part*float64(cells)), cells-1)
	return "[" + strings.Repeat("=", done) + ">" + strings.Repeat(" ", cells-1-done) + "] "
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
