package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// ErrNotUndone says of a change that went wrong that not all of it could be taken back.
var ErrNotUndone = errors.New("not all of it is undone")

// notUndone is an error that is ErrNotUndone too, in its own words.
type notUndone struct{ error }

func (n notUndone) Unwrap() error        { return n.error }
func (n notUndone) Is(target error) bool { return target == ErrNotUndone }

// andUndo joins the error of a change with that of taking it back, which may be nil.
func andUndo(err, undoErr error) error {
	if undoErr == nil {
		return err
	}
	return notUndone{errors.Join(err, undoErr)}
}

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
			*err, clean = notUndone{fmt.Errorf("%w; then %s: %w", *err, step.name, uerr)}, false
		}
	}
	if u.final == nil {
		return
	}
	if ferr := u.final(clean); ferr != nil {
		log.Error("undo", "error", ferr)
		*err = andUndo(*err, ferr)
	}
}

func (u *undo) step(ctx context.Context, s undoStep) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	return s.run(ctx)
}
