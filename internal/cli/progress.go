package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/logis-project/logis/api"
)

// redraw is how often a line of progress is drawn, whether or not anything has happened.
const redraw = 100 * time.Millisecond

// live keeps one line on the terminal, drawn again in place until stop, which takes it away. It is for terminals only.
func (c *commandLine) live(line func(width int) string) (stop func()) {
	bars := mpb.New(mpb.WithOutput(c.Err), mpb.WithRefreshRate(redraw))
	// No total: mpb takes away a bar that has reached its own, and draws it no more.
	bar := bars.MustAdd(0, mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		_, err := io.WriteString(w, fit(line(s.AvailableWidth), s.AvailableWidth))
		return err
	}), mpb.BarFillerTrim())
	return func() {
		bar.Abort(true)
		bars.Wait()
	}
}

// warning marks a step that is none: what the build has to say about the image.
const warning = "warning: "

// steps shows the progress of a build: a line that is redrawn on a terminal, a line a step elsewhere. stop ends it.
func (c *commandLine) steps(ctx context.Context, name string) (report func(api.Progress), stop func()) {
	if _, ok := terminal(c.Err); !ok {
		late := c.late("waiting: another build of image " + name + " is under way, or its removal")
		last := 0
		return func(p api.Progress) {
			late()
			switch {
			case strings.HasPrefix(p.Step, warning):
				_, _ = fmt.Fprintln(c.Err, clean(p.Step))
			case p.Index != last:
				last = p.Index
				_, _ = fmt.Fprintf(c.Err, "[%d/%d] %s\n", p.Index, p.Total, clean(p.Step))
			}
		}, late
	}
	var mu sync.Mutex
	at := building{name: name}
	var warnings []string
	begin := time.Now()
	erase := c.live(func(width int) string {
		mu.Lock()
		defer mu.Unlock()
		at.elapsed, at.cancelled = time.Since(begin), ctx.Err() != nil
		return at.line(width)
	})
	return func(p api.Progress) {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(p.Step, warning) {
				warnings = append(warnings, clean(p.Step))
				return
			}
			at.see(p)
		}, func() {
			erase()
			for _, w := range warnings {
				_, _ = fmt.Fprintln(c.Err, w)
			}
		}
}

// building is what the line of a build shows.
type building struct {
	name      string
	now       api.Progress // Total is 0 until the first step begins
	details   int          // seen in this step
	elapsed   time.Duration
	cancelled bool
}

func (b *building) see(p api.Progress) {
	switch {
	case p.Index != b.now.Index:
		b.details = 0
	case p.Detail != "":
		b.details++
	}
	b.now = p
}

// line is "image lemp  [=====>      ] 3/6 packages  0:41  Unpacking nginx…".
func (b *building) line(width int) string {
	p := b.now
	detail := strings.TrimSpace(clean(strings.TrimPrefix(p.Detail, "I: "))) // debootstrap's word for information
	if b.cancelled {
		detail = "interrupted: waiting until logisd has ended it"
	}
	head := "image " + clean(b.name)
	switch {
	case p.Total > 0:
		// How many lines a step will say is not known: each takes the bar nearer to the step's end, none gets it there.
		part := float64(b.details) / float64(b.details+halfway)
		done := (float64(max(p.Index-1, 0)) + part) / float64(p.Total)
		head += fmt.Sprintf("  %s%d/%d %s", bar(done, width), p.Index, p.Total, clean(p.Step))
	case b.elapsed < patience:
		head += "  begins"
	default:
		head += "  waits for another build of it, or its removal"
	}
	return head + "  " + clock(b.elapsed) + "  " + detail
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

// fit shortens s to a number of columns, less one: some terminals go to the next line when the last one is written. What
// may be wide is counted as wide.
func fit(s string, columns int) string {
	used, end := 0, 0 // end is where an ellipsis still fits
	for i, r := range s {
		if used < columns-1 {
			end = i
		}
		used++
		if r >= 0x1100 { // Hangul, the first wide characters
			used++
		}
		if used > columns-1 {
			return s[:end] + "…"
		}
	}
	return s
}
