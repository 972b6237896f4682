package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

const (
	redraw   = 100 * time.Millisecond // how often a line is drawn again, whether or not anything has happened
	patience = time.Second            // after which something that goes on is told of where nothing is drawn
	newsTime = 10 * time.Second       // and how often from then on
)

// watched is something that goes on while a person waits.
type watched interface {
	line(width int) string // on a terminal: drawn again and again in place; it is cut to the width
	plain() string         // elsewhere: a line now and then; "" is nothing to tell
}

// watch tells on standard error how far something has come, until stop; stop may be called twice. It is the one way: a line
// that is drawn in place on a terminal, and taken away at the end; elsewhere, and on a terminal that cannot do that, a line
// when it takes longer than patience, and then every newsTime, if it has changed.
func (c *commandLine) watch(s watched) (stop func()) {
	if c.draws() {
		return sync.OnceFunc(c.live(s.line))
	}
	return background(func(quit <-chan struct{}) { c.tell(s, quit) })
}

// draws tells whether a line can be drawn in place on standard error: on a terminal that has no size mpb draws nothing.
func (c *commandLine) draws() bool {
	fd, ok := terminal(c.Err)
	if !ok || c.Term == "" || c.Term == "dumb" {
		return false
	}
	w, h, err := term.GetSize(fd)
	return err == nil && w > 0 && h > 0
}

// home takes the cursor to the first column: the terminal's echo of Ctrl-C has moved it, and mpb goes up and erases from
// where it is.
const home = "\r"

// live keeps one line on the terminal, drawn again in place until stop, which takes it away.
func (c *commandLine) live(line func(width int) string) (stop func()) {
	bars := mpb.New(mpb.WithOutput(c.Err), mpb.WithRefreshRate(redraw))
	// No total: mpb takes away a bar that has reached its own, and draws it no more.
	bar := bars.MustAdd(0, mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		// One column stays free: some terminals go to the next line when the last one is written.
		_, err := io.WriteString(w, home+shorten(line(s.AvailableWidth), s.AvailableWidth-1))
		return err
	}), mpb.BarFillerTrim())
	return func() {
		_, _ = io.WriteString(c.Err, home)
		bar.Abort(true)
		bars.Wait()
	}
}

// tell prints plain lines until quit is closed.
func (c *commandLine) tell(s watched, quit <-chan struct{}) {
	last := ""
	for pause := patience; ; pause = newsTime {
		select {
		case <-quit:
			return
		case <-time.After(pause):
		}
		if text := s.plain(); text != "" && text != last {
			last = text
			_, _ = fmt.Fprintln(c.Err, text)
		}
	}
}

// background runs work on a goroutine of its own. stop ends it and waits for it.
func background(work func(quit <-chan struct{})) (stop func()) {
	quit, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(gone)
		work(quit)
	}()
	return func() {
		once.Do(func() { close(quit) })
		<-gone
	}
}

// waiting is shown where nothing is known but what is waited for.
type waiting struct {
	what  string
	begin time.Time
}

func waitingFor(what string) waiting { return waiting{clean(what), time.Now()} }

func (w waiting) line(int) string {
	if time.Since(w.begin) < patience {
		return ""
	}
	return w.what + "  " + clock(time.Since(w.begin))
}

func (w waiting) plain() string { return w.what }
