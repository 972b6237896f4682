package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// A deleted subvolume is freed by a thread of the kernel; only then, and before Linux 6.11 only after one more commit
// and by hand, its quota group can go, and the group above it when its last member went.
const (
	sweepFirst = 200 * time.Millisecond // several sites destroyed at once share a pass
	sweepLast  = 30 * time.Second       // longest pause between two passes
)

// deleteSubvolume removes the subvolume at path with all that are nested in it, and marks their groups stale. A path
// that does not exist is fine.
func (p *Pool) deleteSubvolume(path string) error {
	id, err := subvolumeID(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete subvolume: %w", err)
	}
	own := linux.NewBtrfsQgroup(0, id)
	group, err := p.groupOf(id)
	if err != nil {
		p.log.Warn("subvolume without a quota group", "path", path, "error", err)
	}
	if err := p.deleteNested(id); err != nil {
		return err
	}
	parent, err := openSubdir(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := linux.BtrfsDeleteSubvolume(parent, filepath.Base(path)); err != nil {
		return fmt.Errorf("delete subvolume %s: %w", path, err)
	}
	p.markStale(own, group)
	p.wakeSweeper()
	return nil
}

// deleteNested removes the subvolumes inside one, deepest first, by id: their paths belong to the site.
func (p *Pool) deleteNested(id uint64) error {
	order := []uint64{id}
	for i := 0; i < len(order); i++ {
		children, err := linux.BtrfsChildSubvolumes(p.root, order[i])
		if err != nil {
			return fmt.Errorf("list subvolumes in %d: %w", order[i], err)
		}
		order = append(order, children...)
	}
	for _, child := range slices.Backward(order[1:]) {
		if err := linux.BtrfsDeleteSubvolumeID(p.root, child); err != nil {
			return fmt.Errorf("delete nested subvolume %d: %w", child, err)
		}
		p.markStale(linux.NewBtrfsQgroup(0, child))
	}
	return nil
}

// markStale remembers groups to remove; 0 and the shelf are never among them.
func (p *Pool) markStale(groups ...linux.BtrfsQgroup) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range groups {
		if q != 0 && q != p.shelf() {
			p.stale[q] = struct{}{}
		}
	}
}

// findStale looks for what an earlier process deleted: groups of ours without members, and members without a path.
func (p *Pool) findStale() error {
	// Until then the tree of roots shows a deleted subvolume as alive.
	if err := linux.BtrfsCommit(p.root); err != nil {
		return fmt.Errorf("commit pool: %w", err)
	}
	first, last := p.groups()
	groups, err := linux.BtrfsQgroups(p.root, first, last)
	if err != nil {
		return fmt.Errorf("list quota groups of pool: %w", err)
	}
	relations, err := linux.BtrfsQgroupRelations(p.root, first, last)
	if err != nil {
		return fmt.Errorf("list members of quota groups: %w", err)
	}
	for _, group := range groups {
		alive := 0
		for _, member := range relations[group] {
			state, err := linux.BtrfsStateOfSubvolume(p.root, member.Number())
			if err != nil {
				return fmt.Errorf("look up subvolume %d: %w", member.Number(), err)
			}
			if state == linux.BtrfsSubvolumeAlive {
				alive++
			} else {
				p.markStale(member)
			}
		}
		if alive == 0 {
			p.markStale(group)
		}
	}
	return nil
}

func (p *Pool) wakeSweeper() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// sweepLoop sweeps after each deletion until nothing is left.
func (p *Pool) sweepLoop(ctx context.Context) {
	defer close(p.done)
	passes(ctx, p.kick, func() bool {
		left, err := p.sweepOnce(ctx)
		if ctx.Err() != nil {
			return true
		}
		if err != nil {
			p.log.Warn("sweep deleted subvolumes", "error", err)
		}
		if left > 0 {
			return false
		}
		if err := p.ensureQuota(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("check quota after sweep", "error", err)
		}
		return true
	})
}

// passes calls pass after each kick until it says that it is done, with pauses that double. Another kick makes them short again:
// what was deleted just now does not wait for what the kernel is long in freeing.
func passes(ctx context.Context, kick <-chan struct{}, pass func() (done bool)) {
	for {
		select {
		case <-kick:
		case <-ctx.Done():
			return
		}
		for wait := sweepFirst; ; wait = min(2*wait, sweepLast) {
			select {
			case <-time.After(wait):
			case <-kick:
				wait = sweepFirst
				if pause(ctx, wait) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
			if pass() {
				break
			}
		}
	}
}

// Sweep returns when no deleted subvolume is waiting to be freed, none of the pool's stale quota groups is left, and the
// quota is consistent; or with the error of ctx.
func (p *Pool) Sweep(ctx context.Context) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		left, err := p.sweepOnce(ctx)
		if err != nil {
			return err
		}
		if left == 0 {
			return p.ensureQuota(ctx) // dropping a very large tree makes the kernel skip its count
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("wait for %d quota groups to be freed: %w", left, err)
		}
	}
}

// sweepOnce commits, removes the stale groups that the kernel lets go, and returns how many are left.
func (p *Pool) sweepOnce(ctx context.Context) (int, error) {
	select {
	case p.sweeping <- struct{}{}:
		defer func() { <-p.sweeping }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	p.mu.Lock()
	stale := slices.Sorted(maps.Keys(p.stale)) // level 0 before level 1
	p.mu.Unlock()
	if len(stale) == 0 {
		return 0, nil
	}
	if err := linux.BtrfsSync(p.root); err != nil {
		return len(stale), fmt.Errorf("commit pool: %w", err)
	}
	var errs []error
	for _, group := range stale {
		gone, err := p.removeGroup(group)
		errs = append(errs, err)
		if gone {
			p.mu.Lock()
			delete(p.stale, group)
			p.mu.Unlock()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.stale), errors.Join(errs...)
}

// removeGroup removes a group, unless the kernel still needs it.
func (p *Pool) removeGroup(group linux.BtrfsQgroup) (gone bool, err error) {
	if group.Level() == 0 {
		state, err := linux.BtrfsStateOfSubvolume(p.root, group.Number())
		if err != nil {
			return false, fmt.Errorf("look up subvolume %d: %w", group.Number(), err)
		}
		if state != linux.BtrfsSubvolumeGone {
			return false, nil
		}
	}
	// The kernel would remove a group that still counts bytes, and call the quota inconsistent for it. Where it is so
	// already, the bytes may never go away by themselves, and a recount follows.
	bytes, err := linux.BtrfsQgroupUsage(p.root, group)
	if errors.Is(err, unix.ENOENT) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read usage of quota group %s: %w", group, err)
	}
	if bytes != 0 {
		if quota, err := linux.BtrfsQuotaStatus(p.root); err != nil || !quota.Inconsistent {
			return false, err
		}
	}
	switch err := linux.BtrfsRemoveQgroup(p.root, group); {
	case err == nil, errors.Is(err, unix.ENOENT):
		return true, nil
	case errors.Is(err, unix.EBUSY):
		return false, nil
	default:
		return false, fmt.Errorf("remove quota group %s: %w", group, err)
	}
}
