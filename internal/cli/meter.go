package cli

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/logis-project/logis/internal/quantity"
)

// meter counts the bytes that go through a reader or writer and shows them on a terminal; elsewhere it is silent.
type meter struct {
	bytes atomic.Int64
	stop  func()
}

// meter shows "importing  [==>   ] 47MiB of 132MiB  0:07". total is 0 where it is not known: then there is no bar.
func (c *commandLine) meter(what string, total int64) *meter {
	m := &meter{stop: func() {}}
	if _, ok := terminal(c.Err); !ok {
		return m
	}
	begin := time.Now()
	m.stop = c.live(func(width int) string {
		n, elapsed := m.bytes.Load(), clock(time.Since(begin))
		switch {
		case total == 0:
			return fmt.Sprintf("%s  %s  %s", clean(what), quantity.Format(n), elapsed)
		case n >= total:
			return fmt.Sprintf("%s  %s%s read, being checked  %s", clean(what), bar(1, width), quantity.Format(n), elapsed)
		}
		return fmt.Sprintf("%s  %s%s of %s  %s", clean(what), bar(float64(n)/float64(total), width), quantity.Format(n),
			quantity.Format(total), elapsed)
	})
	return m
}

type meteredReader struct {
	io.Reader
	*meter
}

func (r meteredReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.bytes.Add(int64(n))
	return n, err
}

type meteredWriter struct {
	io.Writer
	*meter
}

func (w meteredWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.bytes.Add(int64(n))
	return n, err
}
