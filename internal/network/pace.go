package network

import "time"

const (
	freeLosses = 3           // that are met at once
	shortPause = time.Second // before the next ones, and before the second attempt to meet one
	longPause  = time.Minute // between attempts at most; after so long without a loss the next ones are met at once again
)

// pace keeps a program that deletes our rules in a loop from making us load them in one as fast.
type pace struct {
	last   time.Time
	losses int
	pause  time.Duration
}

// next is how long to wait before the tables are looked at again, after a loss was met at now; failed says that it
// could not be.
func (p *pace) next(now time.Time, failed bool) time.Duration {
	if now.Sub(p.last) > longPause {
		p.losses = 0
	}
	p.last = now
	p.losses++
	switch {
	case failed:
		p.pause = min(max(2*p.pause, shortPause), longPause)
		return p.pause
	case p.losses > freeLosses:
		p.pause = 0
		return shortPause
	}
	p.pause = 0
	return 0
}
