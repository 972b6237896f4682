package pool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// Use is what a site uses of its disk, in bytes, as of the pool's last commit.
type Use struct {
	Used, Limit           int64 // of all
	FilesUsed, FilesLimit int64 // without the database, which alone has the reserve
}

// Uses returns what each site uses, by its index: all at once, for little more than one costs. With fresh it is as old as
// Usage's answer at most. While the quota is off there are none.
func (p *Pool) Uses(ctx context.Context, fresh bool) (map[int]Use, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if fresh {
		if err := p.commitStale(); err != nil {
			return nil, err
		}
	}
	counts, err := linux.BtrfsQgroupCounts(p.root)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read quota groups of pool: %w", err)
	}
	first, last := p.groups()
	relations, err := linux.BtrfsQgroupRelations(p.root, first, last)
	if err != nil {
		return nil, fmt.Errorf("list members of quota groups: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	uses := map[int]Use{}
	for group, members := range relations {
		// The group of a deleted site lingers beside that of another with its index.
		if _, stale := p.stale[group]; stale || group == p.shelf() || counts[group].Limit == math.MaxInt64 {
			continue
		}
		use := Use{Used: counts[group].Used, Limit: counts[group].Limit}
		for _, member := range members {
			if c := counts[member]; c.Limit < math.MaxInt64 && c.Limit > 0 { // the database's has none of its own
				use.FilesUsed, use.FilesLimit = c.Used, c.Limit
			}
		}
		uses[p.indexOf(group)] = use
	}
	return uses, nil
}

// UsesChanged is a number that stays while Uses returns the same.
func (p *Pool) UsesChanged(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	n, err := linux.BtrfsQgroupGeneration(p.root)
	if errors.Is(err, unix.ENOENT) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read quota groups of pool: %w", err)
	}
	return n, nil
}

// indexOf is the index of the site that a level-1 group was made for.
func (p *Pool) indexOf(group linux.BtrfsQgroup) int {
	return int((group.Number() - p.base - 1) % generation)
}

// commitStale brings the counts of the groups up to date, unless that was done a few seconds ago.
func (p *Pool) commitStale() error {
	p.mu.Lock()
	fresh := time.Since(p.committed) < freshness
	if !fresh {
		p.committed = time.Now()
	}
	p.mu.Unlock()
	if fresh {
		return nil
	}
	if err := linux.BtrfsCommit(p.root); err != nil {
		return fmt.Errorf("commit pool: %w", err)
	}
	return nil
}
