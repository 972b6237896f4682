package engine

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
)

// strain is what was told of how near a site is to its limits, and whom the kernel killed in it.
type strain struct {
	memory, disk gauge
	oom          restraint
	// Kills of the container that runs: read last, and told of. Less than zero is not known yet: logisd found it running, and
	// what was there before is not news.
	seen, told int64
	last       container.Kill
}

// renew is for another container, whose memory is empty. What bounds the telling goes on.
func (s *strain) renew() {
	s.memory.told = [len(marks)]bool{}
	s.seen, s.told, s.last = 0, 0, container.Kill{}
}

func (s *strain) memoryGauge() *gauge { return &s.memory }

func (s *strain) diskGauge() *gauge { return &s.disk }

// owesCount tells whether the kills are to be read once more: never read yet, or not told of yet.
func (s *strain) owesCount() bool { return s.seen < 0 || s.seen > s.told }

// count takes the number of kills and the last that was heard of, or the zero value. It tells whether some are new, and of how
// many to tell now: what comes too soon after the last time is told of later, in one.
func (s *strain) count(now time.Time, kills int64, k container.Kill) (fresh bool, tell int64) {
	if s.seen < 0 {
		s.seen, s.told = kills, kills
	}
	fresh = kills > s.seen
	s.seen = kills
	// Where the kernel told nothing of the last one, it has no name rather than another's.
	if fresh || s.last.PID == 0 && kills > 0 {
		s.last = k
	}
	if s.seen > s.told && s.oom.allow(now) {
		tell, s.told = s.seen-s.told, s.seen
	}
	return fresh, tell
}

// recall takes one event: which marks it tells of, or that the site's memory is empty again.
func (s *strain) recall(ev event.Event) {
	var mark int
	switch ev.Type {
	case event.SiteMemory, event.SiteDisk:
		if _, err := fmt.Sscanf(ev.Message, "%d", &mark); err != nil {
			return
		}
		g := &s.memory
		if ev.Type == event.SiteDisk {
			g = &s.disk
		}
		for i := range marks {
			g.told[i] = g.told[i] || marks[i].at <= mark
		}
	case event.SiteStarted, event.SiteRestarted, event.SiteStopped, event.SiteDied:
		s.memory.told = [len(marks)]bool{}
	case event.SiteCreated, event.SiteDestroyed:
		*s = strain{}
	}
}

// marks are the shares of a limit, in percent, that are told of once crossed, and again only after less than low was used.
// What goes up and down at a mark by itself is one crossing.
var marks = [...]struct{ at, low int }{{80, 75}, {100, 95}}

// gauge tells when a mark is crossed upward.
type gauge struct {
	told [len(marks)]bool
	pace [len(marks)]restraint
}

// next takes what is used now, in percent of the limit, and returns the mark to tell of, or 0. Who tells of one has told of
// those below it. A mark that was crossed too soon after the last time is told of later, if it is still crossed.
func (g *gauge) next(now time.Time, percent int) (crossed int) {
	for i, mark := range marks {
		if percent < mark.low {
			g.told[i] = false
		}
	}
	for i, mark := range slices.Backward(marks[:]) {
		if percent >= mark.at && !g.told[i] && g.pace[i].allow(now) {
			for below := range i + 1 {
				g.told[below] = true
			}
			return mark.at
		}
	}
	return 0
}

const (
	firstSilence = time.Minute // after the first telling
	longSilence  = time.Hour   // at most; and what did not happen for so long begins with firstSilence again
)

// restraint bounds how often one thing is told of: whoever is root in a site can make it happen at will, and must not push
// everybody's events out.
type restraint struct {
	last    time.Time
	silence time.Duration // that follows last
}

// allow reports whether it may be told now, and then counts that as told.
func (r *restraint) allow(now time.Time) bool {
	over := now.Sub(r.last) - r.silence
	switch {
	case r.last.IsZero(), over >= longSilence:
		r.silence = firstSilence
	case over < 0:
		return false
	default:
		r.silence = min(2*r.silence, longSilence)
	}
	r.last = now
	return true
}

// percent is a share of a limit, rounded; nearly all of it is 100, since a write that does not fit leaves a rest.
func percent(used, limit int64) int {
	if limit <= 0 {
		return 0
	}
	return int(math.Round(float64(used) / float64(limit) * 100))
}
