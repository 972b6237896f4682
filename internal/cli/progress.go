package cli

import (
	"fmt"
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/logis-project/logis/api"
)

// steps shows the progress of a build: a bar that names the step on a terminal, a line a step elsewhere. stop ends it.
func (c *commandLine) steps(name string) (report func(api.Progress), stop func()) {
	if _, ok := terminal(c.Err); !ok {
		last := 0
		return func(p api.Progress) {
			if p.Index != last {
				last = p.Index
				_, _ = fmt.Fprintf(c.Err, "[%d/%d] %s\n", p.Index, p.Total, clean(p.Step))
			}
		}, func() {}
	}
	var mu sync.Mutex
	var now api.Progress // drawn by the bar's own goroutine
	bars := mpb.New(mpb.WithOutput(c.Err), mpb.WithWidth(24))
	bar := bars.AddBar(1, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(clean(name)+" ")),
		mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_MMSS), decor.Any(func(decor.Statistics) string {
			mu.Lock()
			defer mu.Unlock()
			return " " + clean(now.Step) + " " + cut(clean(now.Detail), 40)
		})))
	return func(p api.Progress) {
			mu.Lock()
			now = p
			mu.Unlock()
			bar.SetTotal(int64(max(p.Total, 1)), false)
			bar.SetCurrent(int64(max(p.Index-1, 0)))
		}, func() {
			bar.Abort(true)
			bars.Wait()
		}
}

// meter counts the bytes that go through r or w on a bar, on a terminal; elsewhere it is silent. total is 0 where it is
// not known.
type meter struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

func (c *commandLine) meter(name string, total int64) *meter {
	if _, ok := terminal(c.Err); !ok {
		return &meter{}
	}
	bars := mpb.New(mpb.WithOutput(c.Err), mpb.WithWidth(24))
	count := decor.CountersKibiByte("% .1f / % .1f")
	if total == 0 {
		count = decor.CurrentKibiByte("% .1f")
	}
	bar := bars.AddBar(total, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(clean(name)+" ")),
		mpb.AppendDecorators(count))
	return &meter{bars, bar}
}

func (m *meter) stop() {
	if m.bar != nil {
		m.bar.Abort(true)
		m.bars.Wait()
	}
}

func (m *meter) add(n int) {
	if m.bar != nil {
		m.bar.IncrBy(n)
	}
}

type meteredReader struct {
	io.Reader
	*meter
}

func (r meteredReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.add(n)
	return n, err
}

type meteredWriter struct {
	io.Writer
	*meter
}

func (w meteredWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.add(n)
	return n, err
}

// cut shortens s to n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
