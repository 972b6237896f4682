package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/logis-project/logis/client"
	"github.com/logis-project/logis/internal/engine"
)

// watchdog tells systemd twice in each of its intervals that logisd is well (sd_watchdog_enabled(3)), until ctx ends: only if
// a request is answered and every lock can be taken. A logisd that hangs says nothing, and systemd replaces it; no site minds.
func watchdog(ctx context.Context, interval time.Duration, well func(context.Context) error, tell func() error, log *slog.Logger) {
	ticks := time.NewTicker(interval / 2)
	defer ticks.Stop()
	for {
		check, cancel := context.WithTimeout(ctx, interval/2)
		err := well(check)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = tell()
		}
		if err != nil {
			log.Error("logisd hangs", "error", err)
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// well asks logisd as a client does, then for its locks.
func well(socket string, e *engine.Engine) func(context.Context) error {
	return func(ctx context.Context) error {
		c := client.New(socket)
		defer c.Close()
		if _, err := c.Version(ctx); err != nil {
			return err
		}
		return e.Alive(ctx)
	}
}

func notifyWatchdog() error {
	_, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog)
	return err
}
