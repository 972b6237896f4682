//go:build vm

package vm

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/logis-project/logis/api"
)

// enough rows are acknowledged by each database before the power is cut.
const enough = 100

// powerCut kills QEMU while every database is being written to. All sites come back, and with them every transaction
// that was acknowledged before.
//
// A killed QEMU keeps what the machine had given to its disk. So this shows that nothing acknowledged waited in the
// machine's memory, that is: that no fsync of ours is missing; and no more than that.
func powerCut(t *testing.T, h *house) {
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	var writers []*writer
	for _, name := range names {
		writers = append(writers, h.write(t, sites[name]))
	}
	for _, w := range writers {
		if err := w.wait(enough); err != nil {
			t.Fatal(err)
		}
	}
	h.m.run(t, "logis set alice --pids 300") // logis acknowledges too
	written := make([]int64, len(writers))
	for i, w := range writers {
		written[i] = w.acknowledged.Load()
	}
	for i, w := range writers { // each is in the middle of it
		if err := w.wait(written[i] + 1); err != nil {
			t.Fatal(err)
		}
	}
	h.m.powerOff()
	for _, w := range writers {
		<-w.process.done
		if w.err != nil {
			t.Fatal(w.err)
		}
		say(t, "%s: the power was cut after %d acknowledged transactions", w.site.Name, w.acknowledged.Load())
	}

	h.m.powerOn(t)
	h.boot = h.m.waitLogin(t, h.boot)
	sites = h.waitReady(t)
	h.checkServed(t)
	if pids := sites["alice"].Limits.PIDs; pids != 300 {
		t.Errorf("alice may have %d processes; logis set had said 300", pids)
	}
	for _, w := range writers {
		w.check(t, h)
	}
}

// writer inserts rows into a site's database, one a transaction, over the site's ssh. What the database has acknowledged
// is counted here, outside the machine.
type writer struct {
	site         api.Site
	process      *process
	acknowledged atomic.Int64 // the rows 1 to this one

	line []byte // what came of the next line
	err  error  // to be read when process has ended
}

func (h *house) write(t *testing.T, s api.Site) *writer {
	t.Helper()
	w := &writer{site: s}
	// The client sends a statement when the one before is answered: a number comes out after its row is acknowledged.
	cmd := h.owner(context.Background(), s, "mariadb --skip-column-names --unbuffered "+s.Name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &statements{}, w, t.Output()
	var err error
	if w.process, err = start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.process.kill)
	return w
}

// statements is an endless file of SQL.
type statements struct{ last int }

func (s *statements) Read(p []byte) (int, error) {
	s.last++
	return copy(p, fmt.Sprintf("insert into ledger values (%[1]d, repeat('x', 300)); select %[1]d;\n", s.last)), nil
}

// Write takes what the client prints.
func (w *writer) Write(p []byte) (int, error) {
	w.line = append(w.line, p...)
	for w.err == nil {
		text, rest, whole := bytes.Cut(w.line, []byte("\n"))
		if !whole {
			break // the cut may come in the middle of a number
		}
		w.line = rest
		next := w.acknowledged.Load() + 1
		if string(text) != strconv.FormatInt(next, 10) {
			w.err = fmt.Errorf("%s: instead of row %d the database said %q", w.site.Name, next, text)
			break
		}
		w.acknowledged.Store(next)
	}
	return len(p), w.err
}

// wait waits until that many rows are acknowledged.
func (w *writer) wait(rows int64) error {
	return poll(5*time.Minute, func() error {
		got := w.acknowledged.Load()
		if got >= rows {
			return nil
		}
		err := fmt.Errorf("%s acknowledged %d rows, not %d", w.site.Name, got, rows)
		if w.process.ended() {
			return fmt.Errorf("%w: the client has ended: %w", errHopeless, err)
		}
		return err
	})
}

// check finds every acknowledged row in the database, which says in its log that it did not stop in peace: the words that
// reboot looks for are the right ones.
func (w *writer) check(t *testing.T, h *house) {
	t.Helper()
	last := w.acknowledged.Load()
	got, err := h.inside(w.site, "", fmt.Sprintf(`mariadb -N %s -e "select count(*) from ledger where id <= %d and note = repeat('x', 300)"`, w.site.Name, last))
	if err != nil || got != strconv.FormatInt(last, 10) {
		t.Errorf("%s: of the rows up to %d there are %s: %v", w.site.Name, last, got, err)
	}
	lines := h.recoveries(t, w.site.Name)
	if len(lines) == 0 {
		t.Errorf("%s: the log of the database says nothing of a crash", w.site.Name)
		return
	}
	say(t, "%s: all %d are there; its log: %s", w.site.Name, last, lines[0])
}
