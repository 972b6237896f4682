//go:build root

package container

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

// The size of logs reaches PID 1 at its start and while it runs, from a logisd that adopted it too. A PID 1 of an older release
// is left as it is, and said; one that lies or is silent is an error.
func TestLogSizeReachesPID1(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Limits.LogSize = 1 << 20
	first, err := b.runtime.Create(t.Context(), spec)
	must(t, err)
	must(t, first.Start(t.Context()))
	must(t, first.Close())
	c, err := b.runtime.Adopt("alice")
	must(t, err)
	t.Cleanup(func() { b.end(c) })
	inForce := func() int64 {
		t.Helper()
		conn, err := c.Dial(t.Context(), control.Request{Op: control.OpTune, Tune: &control.Tune{}})
		must(t, err)
		defer conn.Close()
		var got control.Tune
		must(t, control.Read(conn, &got))
		return got.LogBytes
	}
	if got := inForce(); got != 1<<20 {
		t.Errorf("from its start on PID 1 has %d", got)
	}
	l := spec.Limits
	l.LogSize = 128 << 10
	must(t, c.Tune(t.Context(), l))
	if got := inForce(); got != 128<<10 {
		t.Errorf("PID 1 has %d", got)
	}
	if w := c.Warnings(l); strings.Contains(fmt.Sprint(w), "log size") {
		t.Errorf("warnings: %q", w)
	}

	must(t, os.Remove(c.controlPath()))
	listener, err := net.Listen("unix", c.controlPath())
	must(t, err)
	defer listener.Close()
	answer := make(chan func(net.Conn), 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			var req control.Request
			_ = control.Read(conn, &req)
			(<-answer)(conn)
			conn.Close()
		}
	}()
	l.LogSize = 256 << 10
	answer <- func(net.Conn) {}
	must(t, c.Tune(t.Context(), l))
	if w := c.Warnings(l); !strings.Contains(fmt.Sprint(w), "log size: as it was until the site is started anew") {
		t.Errorf("warnings of an older PID 1: %q", w)
	}
	answer <- func(conn net.Conn) { _ = control.Write(conn, control.Tune{LogBytes: 7}) }
	if err := c.Tune(t.Context(), l); err == nil || !strings.Contains(err.Error(), "PID 1 did not take 262144, it says 7") {
		t.Errorf("a PID 1 that lies: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	returned := make(chan struct{})
	answer <- func(net.Conn) { <-returned }
	if err := c.Tune(ctx, l); err == nil || err.Error() != "set the size of logs: PID 1 does not answer" {
		t.Errorf("a PID 1 that is silent: %v", err)
	}
	close(returned)
}
