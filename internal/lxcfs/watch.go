package lxcfs

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

const askEvery = 10 * time.Second

// Watch sees to it that sites have a server: one that ends, or hangs, is replaced, an own one with growing pauses, and an own one
// that no site uses any more is ended. It calls renew whenever another server is in use, until ctx ends: sites that have files of the last one want new ones.
func (v *View) Watch(ctx context.Context, renew func()) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		if v.restore(ctx) {
			renew()
		}
		s, retry := v.current()
		var ended chan struct{}
		if s != nil {
			ended = s.done
		}
		select {
		case <-ctx.Done():
			return
		case <-v.kick:
		case <-ended:
		case <-retry:
		case <-tick.C:
			if s != nil {
				v.ask(s)
			}
		}
	}
}

// restore finds or starts a server where sites lack one, ends one that they do not need, and tells whether they want new files.
func (v *View) restore(ctx context.Context) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.users) > 0 {
		if err := v.ensure(); err != nil && !errors.Is(err, errPaused) && err.Error() != v.told {
			v.told = err.Error()
			v.opts.Log.Warn("sites do not see what they have", "error", err)
		}
	} else if err := v.settle(ctx); err != nil {
		v.opts.Log.Warn("end an lxcfs that no site uses", "error", err)
	}
	fresh := v.fresh
	v.fresh = false
	return fresh
}

// current returns the server in use, nil for none, and when to look again though nothing is heard.
func (v *View) current() (*server, <-chan time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.server != nil && !v.server.ended() {
		return v.server, nil
	}
	if len(v.users) > 0 {
		return nil, time.After(max(v.pause.left(time.Now()), firstPause/10))
	}
	return nil, nil
}

// ask sees whether a server answers. One of our own that does not is ended, the host's is left alone from here on.
func (v *View) ask(s *server) {
	err := s.answers()
	if err == nil || s.ended() {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.server != s {
		return
	}
	v.opts.Log.Warn("lxcfs does not answer: another takes its place", "server", s.String(), "error", err)
	if s.own != nil {
		_ = linux.SignalPidfd(s.pidfd, unix.SIGKILL) // who waits for its answer gets an error
		return
	}
	v.shunned, v.server = s.pid, nil
	s.close()
}

const (
	firstPause = time.Second
	longPause  = 5 * time.Minute
	goodWhile  = 10 * time.Minute // a server that lasted so long may end once without a pause
)

// pause is how long to wait before an own server is started again.
type pause struct {
	length time.Duration // of the next one
	began  time.Time     // the last start
	over   time.Time     // no start before
}

func (p *pause) left(now time.Time) time.Duration { return max(p.over.Sub(now), 0) }

// ended says that the last start has come to an end which nobody wanted: the first is followed by another at once.
func (p *pause) ended(now time.Time) {
	if now.Sub(p.began) >= goodWhile {
		p.length = 0
	}
	p.over = now.Add(p.length)
	p.length = min(max(2*p.length, firstPause), longPause)
}
