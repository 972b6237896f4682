package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// undo collects the way back of a change; on an error it is walked, last step first.
type undo struct {
	steps []undoStep
	// final ends the walk, if set: clean says whether every step succeeded.
	final func(clean bool) error
}

type undoStep struct {
	name string
	run  func(context.Context) error
}

// add names the way back of the step that was just taken.
func (u *undo) add(name string, run func(context.Context) error) {
	u.steps = append(u.steps, undoStep{name, run})
}

// runOn walks back if *err is set. Every step runs, each under a deadline of its own, even if one fails or ctx has ended.
func (u *undo) runOn(ctx context.Context, log *slog.Logger, err *error) {
	if *err == nil {
		return
	}
	clean := true
	for _, step := range slices.Backward(u.steps) {
		if uerr := u.step(ctx, step); uerr != nil {
			log.Error("undo", "step", step.name, "error", uerr)
			*err, clean = fmt.Errorf("%w; then %s: %w", *err, step.name, uerr), false
		}
	}
	if u.final == nil {
		return
	}
	if ferr := u.final(clean); ferr != nil {
		log.Error("undo", "error", ferr)
		*err = errors.Join(*err, ferr)
	}
}

func (u *undo) step(ctx context.Context, s undoStep) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	return s.run(ctx)
}
