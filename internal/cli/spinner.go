package cli

import (
	"fmt"
	"sync"
	"time"
)

const (
	spinStep = 100 * time.Millisecond
	patience = time.Second // after which a command says what it waits for
)

// spin shows on a terminal what goes on and for how long, on standard error; elsewhere nothing. The line is gone when
// stop returns; stop may be called twice.
func (c *commandLine) spin(what string) (stop func()) {
	if _, ok := terminal(c.Err); !ok {
		return func() {}
	}
	return background(func(quit <-chan struct{}) { c.turn(what, quit) })
}

// late says what is waited for when that takes longer than a second: spinning on a terminal, once elsewhere. stop is as
// spin's.
func (c *commandLine) late(what string) (stop func()) {
	return background(func(quit <-chan struct{}) {
		select {
		case <-quit:
			return
		case <-time.After(patience):
		}
		if _, ok := terminal(c.Err); ok {
			c.turn(what, quit)
			return
		}
		_, _ = fmt.Fprintf(c.Err, "%s\n", clean(what))
	})
}

// turn draws until quit is closed.
func (c *commandLine) turn(what string, quit <-chan struct{}) {
	defer fmt.Fprint(c.Err, "\r\x1b[K")
	begin := time.Now()
	tick := time.NewTicker(spinStep)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-quit:
			return
		case <-tick.C:
			_, _ = fmt.Fprintf(c.Err, "\r\x1b[K%c %s %.1f s", `|/-\`[i%4], clean(what), time.Since(begin).Seconds())
		}
	}
}

// background runs work on a goroutine of its own. stop ends it and waits for it.
func background(work func(quit <-chan struct{})) (stop func()) {
	quit, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(gone)
		work(quit)
	}()
	return func() {
		once.Do(func() { close(quit) })
		<-gone
	}
}
