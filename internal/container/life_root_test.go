//go:build root

package container

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const long = time.Minute

func TestStop(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	inside, stop := probePID(t, c)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), long/2)
	defer cancel()
	if err := c.Stop(ctx, long); err != nil { // PID 1 obeys SIGTERM: grace, which is longer than ctx, does not run out
		t.Fatal(err)
	}
	select {
	case <-c.Done():
	default:
		t.Error("stopped and not done")
	}
	ended(t, inside)
	must(t, c.Stop(ctx, long)) // again
	must(t, c.Kill(ctx))
}

func TestStopKillsAfterGrace(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	inside, stop := probePID(t, c)
	defer stop()
	must(t, unix.Kill(c.PID(), unix.SIGSTOP)) // deaf to SIGTERM
	must(t, c.Stop(t.Context(), 10*time.Millisecond))
	ended(t, c.PID())
	ended(t, inside)
}

func TestEightAtOnce(t *testing.T) {
	b := newBox(t)
	var specs []Spec
	for i := range 8 {
		specs = append(specs, b.spec(fmt.Sprint("site", i), i))
	}
	var starts sync.WaitGroup
	for _, spec := range specs {
		starts.Go(func() {
			c, err := b.runtime.Create(t.Context(), spec)
			if err != nil {
				t.Error(err)
				return
			}
			defer b.end(c)
			if err := c.Start(t.Context()); err != nil {
				t.Error(err)
				return
			}
			r, err := tryRun(t.Context(), c, "", "/probe", "short")
			if err != nil || !strings.Contains(r.stdout, `"Hostname":"`+spec.Name+`"`) {
				t.Errorf("%s: %+v, %v", spec.Name, r, err)
			}
		})
	}
	starts.Wait()
}
