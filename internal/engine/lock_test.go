package engine

import (
	"context"
	"errors"
	"log/slog"
	"testing"
)

func TestLockExcludes(t *testing.T) {
	k := newKeyedLock()
	_, unlock, err := k.lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	_, unlockOther, err := k.lock(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	unlockOther()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := k.lock(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("a second lock got %v, want to wait until its context ends", err)
	}
	unlock()
	_, unlock, err = k.lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if len(k.locks) != 0 {
		t.Errorf("%d locks are kept after use", len(k.locks))
	}
}

func TestInterrupt(t *testing.T) {
	k := newKeyedLock()
	held, unlock, err := k.lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	k.interrupt("b")
	if held.Err() != nil {
		t.Fatal("interrupting another key ended the context")
	}
	k.interrupt("a")
	if !errors.Is(context.Cause(held), errInterrupted) {
		t.Errorf("cause is %v, want errInterrupted", context.Cause(held))
	}
}

func TestUndo(t *testing.T) {
	var order []string
	run := func(fail error) (err error) {
		ctx, cancel := context.WithCancel(t.Context())
		var u undo
		defer func() { u.runOn(ctx, slog.New(slog.DiscardHandler), &err) }()
		for _, name := range []string{"one", "two"} {
			u.add(name, func(ctx context.Context) error {
				order = append(order, name)
				if ctx.Err() != nil {
					t.Errorf("undo %s runs under an ended context", name)
				}
				return errors.New("broken")
			})
		}
		cancel()
		return fail
	}
	if err := run(nil); err != nil || len(order) != 0 {
		t.Errorf("success undid %v and returned %v", order, err)
	}
	fail := errors.New("fail")
	if err := run(fail); !errors.Is(err, fail) {
		t.Errorf("got %v, want the error itself", err)
	}
	if len(order) != 2 || order[0] != "two" || order[1] != "one" {
		t.Errorf("undo ran %v, want two, one", order)
	}
}
