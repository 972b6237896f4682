package engine

import (
	"slices"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

// deafPause is how long a site whose PID 1 did not take what it was told is left alone: that may be the site's own doing.
const deafPause = time.Minute

// telling is what a site was told of itself. The live it belongs to guards it.
type telling struct {
	busy      bool
	to        *container.Container // that was told
	told      control.Facts
	disk      int64 // in use when it was last looked at, in bytes; 0 is not known
	notBefore time.Time
}

// tell tells a running site what its owner wants to know: addresses, limits, what is used of its disk. Nobody waits for it, and
// what is much the same as before costs nothing. disk is what is in use, in bytes, or 0 where that was not looked at.
func (e *Engine) tell(rec site.Record, disk int64) {
	l := e.known(rec.Name())
	if l == nil {
		return
	}
	f := control.Facts{
		URLs: e.urls(e.store.Domains(rec)), SSHHost: e.publicHost(), SSHPort: rec.SSHPort,
		Memory: rec.Spec.Limits.Memory, Disk: rec.Spec.Limits.Disk,
	}
	c := l.beginTelling(&f, disk, time.Now())
	if c == nil {
		return
	}
	e.tasks.Go(func() {
		if f.DiskInUse == 0 {
			use, _ := e.pool.Usage(e.background, rec.Name()) // without it the next look at disks tells
			f.DiskInUse = use.Used
		}
		err := c.Tell(e.background, f)
		l.endTelling(c, f, err, time.Now())
		if err != nil {
			e.log.Debug("a site was not told of itself", "site", rec.Name(), "error", err)
		}
	})
}

// beginTelling fills in what is known of the disk and returns the container to tell, if there is one and news for it; then
// endTelling follows.
func (l *live) beginTelling(f *control.Facts, disk int64, now time.Time) *container.Container {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.telling
	if disk > 0 {
		t.disk = disk
	}
	f.DiskInUse = t.disk
	if l.container == nil || t.busy || now.Before(t.notBefore) || t.to == l.container && sameFacts(t.told, *f) {
		return nil
	}
	t.busy = true
	return l.container
}

func (l *live) endTelling(c *container.Container, f control.Facts, err error, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &l.telling
	t.busy = false
	if err != nil {
		t.notBefore = now.Add(deafPause)
		return
	}
	t.to, t.told, t.disk = c, f, f.DiskInUse
}

// sameFacts says that nobody would see a difference: half a percent of the disk is none.
func sameFacts(a, b control.Facts) bool {
	change := max(a.DiskInUse-b.DiskInUse, b.DiskInUse-a.DiskInUse)
	return slices.Equal(a.URLs, b.URLs) && a.SSHHost == b.SSHHost && a.SSHPort == b.SSHPort &&
		a.Memory == b.Memory && a.Disk == b.Disk && change <= a.Disk/200
}
