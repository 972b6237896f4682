package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	relaunched = 20 // sites that come back
	// knockSome is the pause between two tries at one of many doors: asking all of them every millisecond would be a load of its own.
	knockSome = 25 * time.Millisecond
)

// measureRelaunch measures how long it takes after a reboot, in effect, until every one of many sites serves: from the start of
// logisd, with the pool not mounted yet; and, of the floor, from the start of all services at once.
func measureRelaunch(ctx context.Context, h *house, r *recorder) error {
	bare, own := newFloor(h.peers), newLogis(h)
	wants := func(s subject) bool {
		return slices.ContainsFunc(h.subjects, func(o subject) bool { return o.name() == s.name() })
	}
	if wants(own) {
		if err := h.grow(ctx, 0, relaunched); err != nil {
			return err
		}
		if _, err := h.logis(ctx, "sites", "down"); err != nil {
			return err
		}
	}
	rounds := r.roundsOr(5)
	for round := range rounds + 1 { // the first warms caches
		to := r
		if round == 0 {
			to = &recorder{}
		}
		fmt.Fprintf(os.Stderr, "relaunch: round %d of %d\n", round, rounds)
		if wants(bare) {
			if err := h.relaunchBare(ctx, bare, to); err != nil {
				return fmt.Errorf("floor: %w", err)
			}
		}
		if wants(own) {
			if err := h.relaunchLogis(ctx, own, to); err != nil {
				return fmt.Errorf("logis: %w", err)
			}
		}
	}
	return nil
}

func (h *house) relaunchBare(ctx context.Context, f *floor, r *recorder) error {
	var all []*instance
	for n := range relaunched {
		i, err := f.place(ctx, n)
		if err != nil {
			return err
		}
		all = append(all, i)
	}
	err := h.serveAll(ctx, f, r, all, func() error {
		var errs []error
		for _, i := range all {
			errs = append(errs, f.create(ctx, i))
		}
		return errors.Join(errs...)
	})
	for _, i := range all {
		err = errors.Join(err, f.destroy(ctx, i))
	}
	return err
}

// relaunchLogis starts logisd; all its sites are down, and wanted up.
func (h *house) relaunchLogis(ctx context.Context, l *logis, r *recorder) error {
	var all []*instance
	for n := range relaunched {
		i, err := l.place(ctx, n)
		if err == nil {
			i.ssh, err = i.findSSH(ctx) // now: nobody answers that while logisd starts
		}
		if err != nil {
			return err
		}
		all = append(all, i)
	}
	if err := h.end(h.daemons[0]); err != nil {
		return err
	}
	h.daemons = h.daemons[1:]
	if err := os.Remove(filepath.Join(filepath.Dir(socket), "halted")); err != nil { // as a reboot does
		return err
	}
	err := h.serveAll(ctx, l, r, all, func() error {
		err := h.launch("logisd")
		slices.Reverse(h.daemons) // it is the first
		return err
	})
	if err != nil {
		return err
	}
	_, err = h.logis(ctx, "sites", "down")
	return err
}

// serveAll measures how long it takes until all doors of all sites are open.
func (h *house) serveAll(ctx context.Context, s subject, r *recorder, all []*instance, begin func() error) error {
	before := processes()
	began := time.Now()
	if err := begin(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Minute, errors.New("not all sites answer within five minutes"))
	defer cancel()
	errs := make([]error, 2*len(all)+1)
	var doors sync.WaitGroup
	for n, i := range all {
		doors.Go(func() { errs[2*n] = poll(ctx, knockSome, func() error { return askPage(ctx, i) }) })
		doors.Go(func() { errs[2*n+1] = poll(ctx, knockSome, func() error { return askBanner(ctx, i) }) })
	}
	doors.Go(func() { errs[2*len(all)] = awaitDatabases(ctx, len(all), before) })
	doors.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.add("relaunch", s.name(), "ms", relaunched, float64(time.Since(began))/float64(time.Millisecond))
	return nil
}

// awaitDatabases returns when so many servers that were not there before have answered their owners.
func awaitDatabases(ctx context.Context, want int, before map[int]bool) error {
	answered := map[int]bool{}
	return poll(ctx, knockSome, func() error {
		var last error
		for _, pid := range newServers(before) {
			if answered[pid] {
				continue
			}
			if last = askServer(ctx, pid, "*"); last == nil {
				answered[pid] = true
			}
		}
		if len(answered) < want {
			return errors.Join(fmt.Errorf("%d of %d databases answer", len(answered), want), last)
		}
		return nil
	})
}
