package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	kernelLog = "/dev/kmsg"
	// A record has at most 1024 bytes of text, each of which may be escaped to four (CONSOLE_EXT_LOG_MAX is 8192).
	maxRecord = 8192
	// recordsASecond is how many records are read: a site whose processes are killed in a row must not keep logisd busy. What
	// is overwritten before it is read is counted all the same, without a name.
	recordsASecond = 2000
)

// Kills calls each for every process of a container that the kernel killed for want of memory: first for those that its log
// still holds, then for those that come. lost is called where the log was overwritten before it was read.
// It returns when ctx ends, or with the error of the log. Nothing runs while nothing is logged.
func (r *Runtime) Kills(ctx context.Context, each func(Kill), lost func()) error {
	f, err := os.OpenFile(kernelLog, os.O_RDONLY|unix.O_NONBLOCK, 0) // in the poller: no thread is held
	if err != nil {
		return fmt.Errorf("open kernel log: %w", err)
	}
	defer f.Close()
	// A deadline in the past ends Read, also one that has not begun.
	defer context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })()
	boot, err := bootTime()
	if err != nil {
		return err
	}
	log := killLog{instance: r.opts.Instance}
	return eachRecord(ctx, f.Read, lost, func(record string) {
		if k, ok := log.read(record); ok {
			k.At = boot.Add(loggedAt(record))
			each(k)
		}
	})
}

// eachRecord calls each for every record that read returns, one a call, at most recordsASecond of them in a second.
func eachRecord(ctx context.Context, read func([]byte) (int, error), lost func(), each func(record string)) error {
	buf := make([]byte, maxRecord)
	for window, count := time.Now(), 0; ; count++ {
		if count == recordsASecond {
			select {
			case <-time.After(time.Until(window.Add(time.Second))):
			case <-ctx.Done():
			}
			window, count = time.Now(), 0
		}
		n, err := read(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.EPIPE): // overwritten; the next read goes on with the oldest there is
			lost()
		case err != nil:
			return fmt.Errorf("read kernel log: %w", err)
		default:
			each(string(buf[:n]))
		}
	}
}

// bootTime is the instant that the kernel's log counts from, near enough.
func bootTime() (time.Time, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return time.Time{}, fmt.Errorf("read clock: %w", err)
	}
	return time.Now().Add(-time.Duration(t.Nano())), nil
}

// loggedAt is the time of a record since boot; 0 where it has none.
func loggedAt(record string) time.Duration {
	var level, sequence, microseconds int64
	if _, err := fmt.Sscanf(record, "%d,%d,%d", &level, &sequence, &microseconds); err != nil {
		return 0
	}
	return time.Duration(microseconds) * time.Microsecond
}
