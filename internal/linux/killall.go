package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// KillAll kills the processes that list finds, in a cgroup say, until it finds none that lives. It waits for their end as long
// as ctx lets it.
func KillAll(ctx context.Context, list func() ([]int, error)) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		left, err := killOnce(list)
		if left == 0 || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d processes to end: %w", left, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// killOnce kills what list finds now and returns how many that were. A process is killed only if it is listed once more after
// its pidfd was opened: before that the PID can have become another's.
func killOnce(list func() ([]int, error)) (left int, err error) {
	pids, err := list()
	if err != nil {
		return 0, err
	}
	open := map[int]*os.File{}
	for _, pid := range pids {
		f, err := OpenPidfd(pid)
		if errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return 0, err
		}
		defer f.Close()
		open[pid] = f
	}
	if pids, err = list(); err != nil {
		return 0, err
	}
	for _, pid := range pids {
		f, ok := open[pid]
		if ok && PidfdEnded(f) {
			continue
		}
		left++
		if ok {
			_ = SignalPidfd(f, unix.SIGKILL) // it may have ended meanwhile
		}
	}
	return left, nil
}
