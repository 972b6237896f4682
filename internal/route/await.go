package route

import (
	"context"
	"time"
)

// comeBack is how long a proxy that runs takes at most to find a publisher again: some of its attempts, and the table.
const comeBack = 600 * time.Millisecond

// Await returns when a proxy has the whole table in effect, or where none has come by then, soon. After it what is said to be
// reachable is: until a proxy has the table, it goes by that of the process before.
func (p *Publisher) Await(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, comeBack)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !p.Connected() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
