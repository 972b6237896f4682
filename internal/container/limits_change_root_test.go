//go:build root

package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// holds fails unless the kernel has these limits, to the page.
func holds(t *testing.T, c *Container, l Limits) {
	t.Helper()
	for path, want := range limitFiles(c, l) {
		got, err := os.ReadFile(path)
		must(t, err)
		if strings.TrimSpace(string(got)) != want {
			t.Errorf("%s is %s, want %s", path, strings.TrimSpace(string(got)), want)
		}
	}
}

// Every way from one pair of memory and swap to another is open, also to a logisd that adopted the container: on v1 memory
// must never be above memory with swap.
func TestSetLimits(t *testing.T) {
	b := newBox(t)
	first, err := b.runtime.Create(t.Context(), b.spec("alice", 0))
	must(t, err)
	must(t, first.Start(t.Context()))
	must(t, first.Close())
	c, err := b.runtime.Adopt("alice")
	must(t, err)
	t.Cleanup(func() { b.end(c) })

	const mib = 1 << 20
	steps := []Limits{
		{Memory: 64 * mib, Swap: 0, CPUs: 0.5, PIDs: 64},
		{Memory: 256 * mib, Swap: 0, CPUs: 2, PIDs: 500},
		{Memory: 64 * mib, Swap: 512 * mib, CPUs: 0.25, PIDs: 32},
		{Memory: 512 * mib, Swap: 0, CPUs: 1, PIDs: 100},
		{Memory: 128 * mib, Swap: 128 * mib, CPUs: 1, PIDs: 100},
	}
	for _, from := range steps {
		for _, to := range steps {
			must(t, c.SetLimits(t.Context(), from))
			must(t, c.SetLimits(t.Context(), to))
			must(t, c.SetLimits(t.Context(), to)) // done twice it is as done once
			holds(t, c, to)
		}
	}
	if r := run(t, c, "", "/probe", "whoami"); r.status != 0 {
		t.Errorf("afterwards: %+v", r)
	}
}

// The limits of the day hold inside.
func TestSetLimitsLive(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	c := b.start(spec)
	l := spec.Limits
	l.Memory, l.PIDs = 160<<20, 200
	must(t, c.SetLimits(t.Context(), l))
	if r := run(t, c, "", "/probe", "hog", fmt.Sprint(100<<20)); r.status != 0 {
		t.Errorf("100 MiB of 160: %+v", r)
	}
	bomb := func() (n int) {
		r := run(t, c, "", "/probe", "bomb", "150")
		if _, err := fmt.Sscan(r.stdout, &n); err != nil {
			t.Errorf("bomb: %+v", r)
		}
		return n
	}
	many := bomb()
	must(t, c.SetLimits(t.Context(), spec.Limits))
	if r := run(t, c, "", "/probe", "hog", fmt.Sprint(100<<20)); r.status != 128+9 {
		t.Errorf("100 MiB of 64: %+v", r)
	}
	if few := bomb(); few >= 64 || few >= many { // each has some threads
		t.Errorf("%d processes with a limit of 64 tasks, %d with one of 200", few, many)
	}
}

// Memory that a process holds is not taken from it by a smaller limit.
func TestSetLimitsBelowUse(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Limits.Memory = 256 << 20
	c := b.start(spec)
	pid, stop := probeWaits(t, c, "hold", fmt.Sprint(120<<20))
	l := spec.Limits
	l.Memory = 100 << 20
	err := c.SetLimits(t.Context(), l)
	use, ok := errors.AsType[*InUseError](err)
	if !ok || use.Swap || use.Used < 120<<20 || use.Used > 256<<20 || strings.Contains(err.Error(), "\n") {
		t.Errorf("100 MiB with 120 in use: %v", err)
	}
	must(t, c.SetLimits(t.Context(), spec.Limits))
	holds(t, c, spec.Limits)
	if _, err := os.Stat(fmt.Sprint("/proc/", pid)); err != nil {
		t.Errorf("the process that holds it: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.SetLimits(ctx, l); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	stop()
	ended(t, pid)
	must(t, c.SetLimits(t.Context(), l))
	holds(t, c, l)
}
