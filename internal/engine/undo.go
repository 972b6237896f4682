package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// undo collects the way back of a change; on an error it is walked, last step first.
type undo struct {
	steps []undoStep
}

type undoStep struct {
	name string
	run  func(context.Context) error
}

// add names the way back of the step that was just taken.
func (u *undo) add(name string, run func(context.Context) error) {
	u.steps = append(u.steps, undoStep{name, run})
}

// runOn walks back if *err is set. Every step runs, under a deadline of its own, even if one fails or ctx has ended.
func (u *undo) runOn(ctx context.Context, err *error) {
	if *err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	for _, v := range slices.Backward(u.steps) {
		if uerr := v.run(ctx); uerr != nil {
			*err = errors.Join(*err, fmt.Errorf("%s: %w", v.name, uerr))
		}
	}
}
