package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/logis-project/logis/api"
)

const (
	growWithin = 5 * time.Minute  // no larger number is begun after that
	growAtOnce = 4                // sites that are made at the same time
	spareBytes = 2 << 30          // of memory, which a machine that is full still has
	restFor    = 20 * time.Second // two looks at all sites
)

// measureGrowth measures logis with ever more sites: 1, 10, 100, and as many as the machine holds or the time allows.
func measureGrowth(ctx context.Context, h *house, r *recorder) error {
	began := time.Now()
	made := 0
	for _, want := range []int{1, 10, 100, 4000} {
		for made < want {
			if time.Since(began) > growWithin || spareMemory() < spareBytes {
				break
			}
			n := min(want-made, growAtOnce)
			if err := h.grow(ctx, made, n); err != nil {
				return err
			}
			made += n
		}
		if err := h.measureAt(ctx, r, made); err != nil {
			return fmt.Errorf("%d sites: %w", made, err)
		}
		if made < want {
			return nil
		}
	}
	return nil
}

// grow makes n sites more.
func (h *house) grow(ctx context.Context, made, n int) error {
	return atOnce(n, growAtOnce, func(i int) error {
		_, err := h.client.Create(ctx, api.CreateRequest{Name: fmt.Sprintf("site%d", made+i)})
		return err
	})
}

func (h *house) measureAt(ctx context.Context, r *recorder, sites int) error {
	fmt.Fprintf(os.Stderr, "growth: %d sites\n", sites)
	at, logisd := float64(sites), h.daemons[0].Process.Pid
	timed := func(measure string, args ...string) error {
		began := time.Now()
		_, err := h.logis(ctx, args...)
		r.add(measure, "logis", "ms", at, float64(time.Since(began))/float64(time.Millisecond))
		return err
	}
	for range r.roundsOr(5) {
		if err := timed("create", "create", "onemore"); err != nil {
			return err
		}
		if err := timed("destroy", "destroy", "onemore", "--force"); err != nil {
			return err
		}
	}
	for range r.roundsOr(20) {
		if err := timed("list", "list"); err != nil {
			return err
		}
	}
	if err := rest(ctx, idleAfter); err != nil { // these left something to do in the background
		return err
	}
	before, began := processorTime(logisd), time.Now()
	if err := rest(ctx, restFor); err != nil {
		return err
	}
	busy := processorTime(logisd) - before
	r.add("logisd: cpu at rest", "logis", "ms/s", at, float64(busy)/float64(time.Millisecond)/time.Since(began).Seconds())
	memory := loadOf(logisd)
	r.add("logisd: memory", "logis", "bytes", at, float64(memory.private+memory.shared))
	if sites > 100 {
		return nil // as long as all the rest
	}
	if _, err := h.logis(ctx, "stop", "--all"); err != nil {
		return err
	}
	return timed("start all", "start", "--all")
}

// processorTime is what the threads of a process have run, Documentation/scheduler/sched-stats.rst.
func processorTime(pid int) (total time.Duration) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		ran, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(ran, 10, 64)
		total += time.Duration(n)
	}
	return total
}

// spareMemory is what the kernel says that programs can still have, in bytes.
func spareMemory() int64 {
	text, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
