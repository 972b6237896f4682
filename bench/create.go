package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// measureCreate measures the life of one site, one subject after the other in turns: from nothing to the first answers, from
// stopped to the first answers, and until nothing of it is left.
func measureCreate(ctx context.Context, h *house, r *recorder) error {
	// The first site of a host starts lxcfs, the last one ends it: see the part image for the first.
	if _, err := h.logis(ctx, "create", "standing"); err != nil {
		return err
	}
	rounds := r.roundsOr(15)
	for round := range rounds + 1 {
		// Each subject comes first in its turn. The round before the first one warms caches, and does not count.
		turn := round % len(h.subjects)
		for _, s := range slices.Concat(h.subjects[turn:], h.subjects[:turn]) {
			to := r
			if round == 0 {
				to = &recorder{}
			}
			fmt.Fprintf(os.Stderr, "create: round %d of %d: %s\n", round, rounds, s.name())
			if err := measureLife(ctx, h, s, to); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
		}
	}
	return nil
}

func measureLife(ctx context.Context, h *house, s subject, r *recorder) error {
	before := lookAround()
	i, err := s.place(ctx, 0)
	if err != nil {
		return err
	}
	if err := opening(ctx, h, s, r, "create", i, s.create); err != nil {
		return err
	}
	if err := s.stop(ctx, i); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if err := opening(ctx, h, s, r, "restart", i, s.start); err != nil {
		return err
	}
	if err := h.settle(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := s.destroy(ctx, i); err != nil {
		return fmt.Errorf("destroy: %w", err)
	}
	within, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	err = poll(within, time.Millisecond, func() error {
		if left := cmp.Or(before.left(), s.left(i)); left != "" {
			return errors.New("there is still " + left)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("destroy: %w", err)
	}
	r.took("destroy: gone", s.name(), time.Since(began))
	return nil
}

// opening measures how long it takes until the doors of a site open that begin makes or starts.
func opening(ctx context.Context, h *house, s subject, r *recorder, measure string, i *instance, begin func(context.Context, *instance) error) error {
	if err := h.settle(ctx); err != nil {
		return err
	}
	before := processes()
	began := time.Now()
	ended := make(chan error, 1)
	var returned time.Duration
	go func() {
		err := begin(ctx, i)
		returned = time.Since(began)
		ended <- err
	}()
	d, err := knock(ctx, i, before, began)
	if beginErr := <-ended; beginErr != nil || err != nil {
		return fmt.Errorf("%s: %w", measure, errors.Join(beginErr, err))
	}
	r.took(measure+": http", s.name(), d.http)
	r.took(measure+": ssh", s.name(), d.ssh)
	r.took(measure+": database", s.name(), d.database)
	r.took(measure+": ready", s.name(), max(returned, d.http, d.ssh, d.database))
	return nil
}
