package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/quantity"
)

// transfer is what is shown of bytes on their way.
type transfer struct {
	what  string
	begin time.Time

	mu    sync.Mutex
	bytes int64
	total int64     // 0 where it is not known
	step  string    // what is done with them, where that is not their way
	whole *unpacked // not nil: total is of the bytes unpacked, which this counts
}

func newTransfer(what string, total int64) *transfer {
	return &transfer{what: clean(what), begin: time.Now(), total: total}
}

// see takes an element of an import.
func (t *transfer) see(p api.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = max(t.bytes, p.Bytes)
	if t.step = ""; p.Index > 1 {
		t.step = clean(p.Step)
	}
}

// Write implements io.Writer: it only counts.
func (t *transfer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes += int64(len(p))
	if t.whole != nil {
		_, _ = t.whole.Write(p)
	}
	return len(p), nil
}

// counted writes to w what the transfer counts.
func (t *transfer) counted(w io.Writer) io.Writer { return io.MultiWriter(w, t) }

// line is "importing  [=====>     ] 47MiB of 132MiB  12MiB/s  0:04", of an export "210MiB of 412MiB, packed 61MiB".
func (t *transfer) line(width int) string { return t.text("  ", width) }

// plain is "importing, 47MiB of 132MiB, 12MiB/s, 0:04".
func (t *transfer) plain() string { return t.text(", ", 0) }

func (t *transfer) text(sep string, width int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	elapsed := time.Since(t.begin)
	far := quantity.Format(t.bytes)
	switch {
	case t.whole != nil && t.total > 0:
		done := min(t.whole.bytes, t.total) // file names and the like are part of an archive, and of no image's size
		far = fmt.Sprintf("%s%s of %s, packed %s", bar(float64(done)/float64(t.total), width), quantity.Format(done), quantity.Format(t.total), far)
	case t.step != "":
		far = bar(1, width) + far + sep + t.step
	case t.total > 0:
		far = fmt.Sprintf("%s%s of %s", bar(float64(t.bytes)/float64(t.total), width), far, quantity.Format(t.total))
	}
	rate := ""
	if s := elapsed.Seconds(); t.step == "" && s >= 1 {
		rate = sep + quantity.Format(int64(float64(t.bytes)/s)) + "/s"
	}
	return t.what + sep + far + rate + sep + clock(elapsed)
}
