package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		state := error(nil)
		hang := false
		done := make(chan struct{})
		go func() {
			defer close(done)
			watchdog(ctx, time.Minute, func(ctx context.Context) error {
				if hang {
					<-ctx.Done()
					return ctx.Err()
				}
				return state
			}, func() error { told++; return nil }, slog.New(slog.DiscardHandler))
		}()
		expect := func(when string, least, most int) {
			t.Helper()
			told = 0
			<-time.After(10 * time.Minute) // of the bubble's clock
			synctest.Wait()
			if told < least || told > most {
				t.Errorf("%s: told %d times in ten intervals, want %d to %d", when, told, least, most)
			}
		}
		expect("well", 19, 22)
		state = errors.New("no answer")
		expect("ill", 0, 0)
		state, hang = nil, true
		expect("hangs", 0, 0)
		hang = false
		expect("well again", 18, 22)
		cancel()
		<-done
	})
}
