package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// Stats is what sites use at one instant.
type Stats struct {
	At      time.Time
	Sites   []SiteStats
	Counted *Counted // nil: no proxy tells how many requests there were
}

// Counted is of all sites' requests.
type Counted struct {
	Since  time.Time   // when the proxy began to count
	NoSite route.Tally // requests whose host name leads to no site
}

// SiteStats is what one site uses.
type SiteStats struct {
	Record    site.Record
	State     site.State
	Usage     site.Usage
	Disk      pool.Use
	Traffic   network.Traffic // since it was started
	Requests  route.Tally     // nothing where Stats.Counted is nil
	Services  []site.Service  // as its PID 1 tells
	Ready     bool            // every service is
	StartedAt time.Time       // zero while it does not run
	Restarts  int64           // that logisd started it again after it ended by itself, since logisd itself started
}

// Stats returns what sites use: those of the names in their order, or all by name. An unknown name is site.ErrNotFound.
func (e *Engine) Stats(ctx context.Context, names []string) (Stats, error) {
	records := e.store.All()
	if len(names) > 0 {
		records = nil
		for _, name := range names {
			rec, err := e.store.Get(name)
			if err != nil {
				return Stats{}, fmt.Errorf("%q: %w", name, err)
			}
			records = append(records, rec)
		}
	}
	r := e.readAll(ctx, true)
	if err := errors.Join(r.disksErr, r.cablesErr); err != nil {
		return Stats{}, err
	}
	return e.statsOf(records, r), ctx.Err() // without a proxy there is no count
}

// readings is what is read at once for all sites, disks and cables by index. What has an error is empty.
type readings struct {
	disks  map[int]pool.Use
	cables map[int]network.Traffic
	counts route.Counts

	disksErr, cablesErr, countsErr error
}

// readAll reads it, disks afresh where that is worth a commit of the pool.
func (e *Engine) readAll(ctx context.Context, fresh bool) (r readings) {
	r.disks, r.disksErr = e.pool.Uses(ctx, fresh)
	r.cables, r.cablesErr = e.network.Traffic(ctx)
	r.counts, r.countsErr = e.routes.Counts(ctx)
	return r
}

func (e *Engine) statsOf(records []site.Record, r readings) Stats {
	out := Stats{At: time.Now()}
	if r.countsErr == nil {
		out.Counted = &Counted{Since: r.counts.Since, NoSite: r.counts.NoSite}
	}
	for _, rec := range records {
		l := e.known(rec.Name())
		if l == nil {
			continue // destroyed meanwhile
		}
		s := l.snapshot()
		one := SiteStats{
			Record: rec, State: stateOf(rec, s), Traffic: r.cables[rec.Index], Disk: r.disks[rec.Index],
			Ready: s.ready, Restarts: s.restarts,
		}
		one.Usage.Disk, one.Usage.Files, one.Usage.FilesLimit = one.Disk.Used, one.Disk.FilesUsed, one.Disk.FilesLimit
		one.Requests = r.counts.Sites[rec.Name()]
		for _, v := range s.services {
			one.Services = append(one.Services, site.Service{Name: v.Name, State: v.State, Ready: v.Ready, PID: v.PID, Restarts: v.Restarts})
		}
		if s.container != nil {
			one.StartedAt = s.container.StartedAt()
			l.addUsage(s.container, &one.Usage)
		}
		out.Sites = append(out.Sites, one)
	}
	return out
}
