package cli

import (
	"fmt"
	"sync"
	"time"
)

const spinStep = 100 * time.Millisecond

// spin shows on a terminal what goes on and for how long, on standard error; elsewhere nothing. The line is gone when
// stop returns; stop may be called twice.
func (c *commandLine) spin(what string) (stop func()) {
	if _, ok := terminal(c.Err); !ok {
		return func() {}
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(gone)
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
	}()
	return func() {
		once.Do(func() { close(quit) })
		<-gone
	}
}
