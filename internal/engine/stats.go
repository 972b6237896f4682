package engine

import (
	"context"
	"time"

	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

// Stats is what sites use at one instant.
type Stats struct {
	At    time.Time
	Sites []SiteStats
}

// SiteStats is what one site uses. Its traffic is counted since it was started.
type SiteStats struct {
	Record  site.Record
	State   site.State
	Usage   site.Usage
	Traffic network.Traffic
}

// Stats returns what sites use: those of the names in their order, or all by name. An unknown name is site.ErrNotFound.
// Disks and cables are read at once for all.
func (e *Engine) Stats(ctx context.Context, names []string) (Stats, error) {
	records := e.store.All()
	if len(names) > 0 {
		records = nil
		for _, name := range names {
			rec, err := e.store.Get(name)
			if err != nil {
				return Stats{}, err
			}
			records = append(records, rec)
		}
	}
	disks, err := e.pool.Uses(ctx, true)
	if err != nil {
		return Stats{}, err
	}
	cables, err := e.network.Traffic(ctx)
	if err != nil {
		return Stats{}, err
	}
	out := Stats{At: time.Now()}
	for _, rec := range records {
		l := e.known(rec.Name())
		if l == nil {
			continue // destroyed meanwhile
		}
		s := l.snapshot()
		one := SiteStats{Record: rec, State: stateOf(rec, s), Traffic: cables[rec.Index]}
		disk := disks[rec.Index]
		one.Usage.Disk, one.Usage.Files, one.Usage.FilesLimit = disk.Used, disk.FilesUsed, disk.FilesLimit
		if s.container != nil {
			l.addUsage(s.container, &one.Usage)
		}
		out.Sites = append(out.Sites, one)
	}
	return out, ctx.Err()
}
