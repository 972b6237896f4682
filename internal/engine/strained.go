package engine

import (
	"fmt"
	"time"

	"github.com/docker/go-units"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/site"
)

// lookAtMemory tells of a site whose memory fills up, and of processes killed in it. kill is the last that was heard of, or
// the zero value; all says that some may not have been heard of.
func (e *Engine) lookAtMemory(rec site.Record, kill container.Kill, all bool) {
	l := e.known(rec.Name())
	if l == nil {
		return // destroyed meanwhile
	}
	c := l.current()
	if c == nil {
		return
	}
	limit := rec.Spec.Limits.Memory
	used, err := c.Working(limit / 100 * int64(marks[0].low-1)) // less is below every mark, with its cache too
	if err != nil {
		return // it ends
	}
	full, told := false, killed{}
	if all || kill.PID > 0 || l.owesCount(c) {
		kills, err := c.OOMKills()
		if err != nil {
			return
		}
		full, told = l.count(c, time.Now(), kills, kill)
	}
	share, text := percent(used, limit), units.BytesSize(float64(used))+" of "+units.BytesSize(float64(limit))+" of memory in use"
	if full {
		share, text = 100, units.BytesSize(float64(limit))+" of memory were used up"
	}
	if mark := l.crossed(time.Now(), share, (*strain).memoryGauge); mark > 0 {
		e.note(event.SiteMemory, rec.Name(), 0, "%d %%: %s", mark, text)
	}
	if told.number > 0 {
		e.log.Warn("the kernel killed processes for want of memory", "site", rec.Name(), "count", told.number, "last", told.last.Name)
		e.note(event.SiteOOM, rec.Name(), 0, "%s", told)
	}
}

// killed is what to tell of processes that the kernel killed.
type killed struct {
	number int64
	last   container.Kill // the zero value where it is not known
}

func (k killed) String() string {
	whose := "the site's memory was used up"
	if k.last.Host {
		whose = "the host's memory was used up"
	}
	name := ""
	if k.last.PID > 0 {
		name = fmt.Sprintf("%s (process %d of the host)", k.last.Name, k.last.PID)
	}
	switch {
	case k.number == 1 && name == "":
		return "the kernel killed a process: " + whose
	case k.number == 1:
		return "the kernel killed " + name + ": " + whose
	case name == "":
		return fmt.Sprintf("the kernel killed %d processes: %s", k.number, whose)
	}
	return fmt.Sprintf("the kernel killed %d processes, %s the last: %s", k.number, name, whose)
}

// lookAtDisk tells of a site whose disk fills up: with files, which stop short of the database's reserve, or with all.
func (e *Engine) lookAtDisk(rec site.Record, use pool.Use) {
	l := e.known(rec.Name())
	if l == nil {
		return
	}
	used, limit, of := use.Used, use.Limit, "of disk in use"
	if percent(use.FilesUsed, use.FilesLimit) > percent(used, limit) {
		used, limit, of = use.FilesUsed, use.FilesLimit, "in use by files: the rest of the disk is kept for the database"
	}
	if mark := l.crossed(time.Now(), percent(used, limit), (*strain).diskGauge); mark > 0 {
		e.note(event.SiteDisk, rec.Name(), 0, "%d %%: %s of %s %s", mark, units.BytesSize(float64(used)), units.BytesSize(float64(limit)), of)
	}
}

// known returns what is known of a site beyond its record; nil when it is destroyed.
func (e *Engine) known(name string) *live {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sites[name]
}

// current is the container that runs; nil is none.
func (l *live) current() *container.Container {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.container
}

// crossed returns the mark to tell of, now that a gauge stands at a share in percent; 0 is none.
func (l *live) crossed(now time.Time, share int, of func(*strain) *gauge) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return of(&l.strain).next(now, share)
}

// owesCount tells whether the kills of a container are to be read though nobody heard of one.
func (l *live) owesCount(c *container.Container) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.container == c && l.strain.owesCount()
}

// count takes the number of kills in a container, and the last that was heard of. full says that some are new and show that
// the site's memory was used up.
func (l *live) count(c *container.Container, now time.Time, kills int64, k container.Kill) (full bool, told killed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.container != c {
		return false, killed{}
	}
	if k.At.Before(c.StartedAt().Add(-time.Second)) { // two clocks, which differ a little
		k = container.Kill{} // in the container before
	}
	fresh, number := l.strain.count(now, kills, k)
	return fresh && !l.strain.last.Host, killed{number, l.strain.last}
}

// hadKills says that the container ran before logisd did: what was killed in it is not news.
func (l *live) hadKills() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strain.seen, l.strain.told = -1, -1
}

// addUsage adds what the kernel counts of a container.
func (l *live) addUsage(c *container.Container, to *site.Usage) {
	usage, err := c.Usage()
	if err != nil {
		return // it ends
	}
	to.Memory, to.Cache, to.Swap = usage.Memory, usage.Cache, usage.Swap
	to.PIDs, to.CPUSeconds, to.OOMKills = usage.PIDs, usage.CPUSeconds, usage.OOMKills
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.strain.last; k.PID > 0 && l.container == c && usage.OOMKills > 0 {
		to.LastKill = site.Kill{Process: k.Name, PID: k.PID, At: k.At}
	}
}

// recall takes which marks were told of from what the events say.
func (l *live) recall(s *strain) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strain.disk.told = s.disk.told
	if l.container != nil { // it ran on
		l.strain.memory.told = s.memory.told
	}
}
