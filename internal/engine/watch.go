package engine

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/site"
)

const (
	// lookEvery is the pause between two looks at what all sites use. The kernel says by itself when it kills; of memory
	// that goes past a share, and of a disk, it says nothing. A look costs one small read a site, and more only for one whose
	// memory is nearly full.
	lookEvery = 10 * time.Second
	// killPause is the least pause between two looks that kills call for.
	killPause = time.Second
	idsOfSite = 65_536
)

// watch hears of kills, and keeps what the next look has to look at.
type watch struct {
	poke chan struct{} // holds one: there is something in heard

	mu     sync.Mutex
	deaf   bool                      // nothing tells of kills: all counters are read at every look
	missed bool                      // some kills were not heard of
	heard  map[string]container.Kill // by site, the last
	owners []owner                   // sites, by the first of their ids
}

type owner struct {
	base uint32
	site string
}

// watchStrain tells, until the engine ends, of sites whose memory or disk fills up, and of processes in them that the kernel
// killed.
func (e *Engine) watchStrain() {
	w := &watch{poke: make(chan struct{}, 1), heard: map[string]container.Kill{}, missed: true}
	e.recall()
	w.know(e.store.All())
	e.tasks.Go(func() {
		if err := e.containers.Kills(e.background, w.hear, w.miss); err != nil {
			e.log.Warn("processes killed for want of memory are counted, not named", "error", err)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.deaf = true
		}
	})
	e.tasks.Go(func() { e.look(w) })
}

func (e *Engine) look(w *watch) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var disks uint64
	e.lookAtAll(w, &disks)
	for {
		select {
		case <-e.background.Done():
			return
		case <-tick.C:
			e.lookAtAll(w, &disks)
		case <-w.poke:
			e.lookAtKilled(w)
			select {
			case <-e.background.Done():
			case <-time.After(killPause):
			}
		}
	}
}

// lookAtAll looks at every site. disks is the pool's number of when their disks were looked at last.
func (e *Engine) lookAtAll(w *watch, disks *uint64) {
	records := e.store.All()
	w.know(records)
	uses := e.changedUses(e.background, disks)
	heard, all := w.take()
	for _, rec := range records {
		e.lookAtMemory(rec, heard[rec.Name()], all)
		use, ok := uses[rec.Index]
		if ok {
			e.lookAtDisk(rec, use)
		}
		e.tell(rec, use.Used)
	}
}

// lookAtKilled looks at the sites in which the kernel is said to have killed.
func (e *Engine) lookAtKilled(w *watch) {
	heard, all := w.take()
	if all {
		w.miss() // for the next look at all
	}
	for name, kill := range heard {
		if rec, err := e.store.Get(name); err == nil {
			e.lookAtMemory(rec, kill, false)
		}
	}
}

// changedUses reads what all sites use of their disks, or nothing where no group has changed since the number was seen.
func (e *Engine) changedUses(ctx context.Context, seen *uint64) map[int]pool.Use {
	now, err := e.pool.UsesChanged(ctx)
	if err != nil || now == *seen {
		return nil // doctor says what is wrong with the pool
	}
	uses, err := e.pool.Uses(ctx, false)
	if err != nil {
		return nil
	}
	*seen = now
	return uses
}

// hear takes a kill. Where the kernel left out the site's name, its ids tell it.
func (w *watch) hear(k container.Kill) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if k.Site == "" {
		next, _ := slices.BinarySearchFunc(w.owners, k.UID, func(o owner, uid uint32) int {
			return cmp.Or(cmp.Compare(o.base, uid), -1) // behind the last that begins at the uid or below
		})
		if next == 0 || k.UID-w.owners[next-1].base >= idsOfSite {
			return
		}
		k.Site = w.owners[next-1].site
	}
	w.heard[k.Site] = k
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

func (w *watch) miss() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.missed = true
}

func (w *watch) know(records []site.Record) {
	owners := make([]owner, 0, len(records))
	for _, rec := range records {
		owners = append(owners, owner{rec.IDBase, rec.Name()})
	}
	slices.SortFunc(owners, func(a, b owner) int { return cmp.Compare(a.base, b.base) })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.owners = owners
}

// take returns what was heard of since the last time, and whether more may have happened.
func (w *watch) take() (heard map[string]container.Kill, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard, all = w.heard, w.missed || w.deaf
	w.heard, w.missed = map[string]container.Kill{}, false
	return heard, all
}

// recall takes from the events which marks were told of, so that a logisd that starts does not tell again of every site that
// has been full for weeks.
func (e *Engine) recall() {
	told := map[string]*strain{}
	of := func(name string) *strain {
		if told[name] == nil {
			told[name] = &strain{}
		}
		return told[name]
	}
	_ = e.events.Last(event.Kept, func(ev event.Event) error {
		of(ev.Site).recall(ev)
		return nil
	})
	for _, rec := range e.store.All() {
		if s := told[rec.Name()]; s != nil {
			e.live(rec.Name()).recall(s)
		}
	}
}
