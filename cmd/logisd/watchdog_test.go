package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var told, state atomic.Int32
		const (
			fine = iota
			ill
			hangs
		)
		done := make(chan struct{})
		go func() {
			defer close(done)
			watchdog(ctx, time.Minute, func(ctx context.Context) error {
				switch state.Load() {
				case ill:
					return errors.New("no answer")
				case hangs:
					<-ctx.Done()
				}
				return ctx.Err()
			}, func() error { told.Add(1); return nil }, slog.New(slog.DiscardHandler))
		}()
		expect := func(now int32, least, most int32) {
			t.Helper()
			state.Store(now)
			told.Store(0)
			<-time.After(10 * time.Minute) // of the bubble's clock
			synctest.Wait()
			if n := told.Load(); n < least || n > most {
				t.Errorf("state %d: told %d times in ten intervals, want %d to %d", now, n, least, most)
			}
		}
		expect(fine, 19, 22)
		expect(ill, 0, 0)
		expect(hangs, 0, 0)
		expect(fine, 18, 22)
		cancel()
		<-done
	})
}
