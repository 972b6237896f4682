package engine

import "context"

// aside is a step of a change that is taken beside the others. Whoever begins it waits for its end, also where the change
// fails: nothing of what the step uses is taken away before.
type aside struct {
	done chan struct{}
	err  error // once done is closed
}

func begin(step func() error) *aside {
	a := &aside{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.err = step()
	}()
	return a
}

// wait returns the step's error once it has ended.
func (a *aside) wait() error {
	<-a.done
	return a.err
}

// ended is the way back of a step whose traces go with what it was taken on. One that hangs is an error when ctx ends.
func (a *aside) ended(ctx context.Context) error {
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// taken is a step that needs nothing done.
func taken() *aside { return begin(func() error { return nil }) }
