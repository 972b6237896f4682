package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// The level-1 groups of a pool are base to base+10^9-1. base itself is the shelf: images and drafts are its members,
// without a limit, so that their groups are known as ours. A site of index i has base+1+i+n*generation, n being the
// first that is free: the group of a deleted site with the same index may linger until its bytes are freed.
const (
	groupsOfPool   = 1_000_000_000
	generation     = 100_000
	maxPools       = 1000
	maxGenerations = groupsOfPool/generation - 1
)

// ensureQuota turns plain quota groups on and waits until the kernel has counted.
func (p *Pool) ensureQuota(ctx context.Context) error {
	quota, err := linux.BtrfsQuotaStatus(p.root)
	if err != nil {
		return fmt.Errorf("read quota status of pool: %w", err)
	}
	if quota.Simple {
		return fmt.Errorf("pool %s uses simple quotas, logis needs plain quota groups: run \"btrfs quota disable %s\", "+
			"logisd turns the plain ones on", p.dir, p.dir)
	}
	switch {
	case !quota.Enabled:
		if err := linux.BtrfsEnableQuota(p.root); err != nil {
			return fmt.Errorf("turn on quota of pool: %w", err)
		}
		p.log.Info("turned on btrfs quota groups", "pool", p.dir)
	case quota.Inconsistent:
		if err := linux.BtrfsRescanQuota(p.root); err != nil && !errors.Is(err, unix.EINPROGRESS) {
			return fmt.Errorf("recount quota of pool: %w", err)
		}
		p.log.Info("recounting btrfs quota groups", "pool", p.dir)
	}
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		running, err := linux.BtrfsQuotaRescanning(p.root)
		if err != nil {
			return fmt.Errorf("read progress of quota recount: %w", err)
		}
		if !running {
			return nil
		}
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("wait for quota recount: %w", err)
		}
	}
}

// groupsFile holds the number of the first group that is the pool's.
const groupsFile = "qgroups"

// claimGroups finds the numbers of the level-1 groups that are ours, or takes a range that nobody uses: the file system
// may be shared with another pool or another program. The range is written down before its first group is made.
func (p *Pool) claimGroups() error {
	file := filepath.Join(p.dir, groupsFile)
	text, err := os.ReadFile(file)
	if err == nil {
		p.base, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 48)
		if err != nil || p.base == 0 || p.base%groupsOfPool != 0 {
			return fmt.Errorf("%s does not hold a multiple of %d", file, groupsOfPool)
		}
		return p.ensureShelf()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read quota groups of pool: %w", err)
	}
	for k := uint64(1); k <= maxPools; k++ {
		p.base = k * groupsOfPool
		first, last := p.groups()
		used, err := linux.BtrfsQgroups(p.root, first, last)
		if err != nil {
			return fmt.Errorf("list quota groups of pool: %w", err)
		}
		if len(used) > 0 {
			continue
		}
		if err := renameio.WriteFile(file, fmt.Appendln(nil, p.base), 0o600, renameio.WithTempDir(p.dir)); err != nil {
			return fmt.Errorf("write quota groups of pool: %w", err)
		}
		return p.ensureShelf()
	}
	return fmt.Errorf("pool %s: no free range of quota groups", p.dir)
}

func (p *Pool) ensureShelf() error {
	if err := linux.BtrfsCreateQgroup(p.root, p.shelf()); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make quota group %s: %w", p.shelf(), err)
	}
	return nil
}

func (p *Pool) shelf() linux.BtrfsQgroup { return linux.NewBtrfsQgroup(1, p.base) }

func (p *Pool) groups() (first, last linux.BtrfsQgroup) {
	return p.shelf(), linux.NewBtrfsQgroup(1, p.base+groupsOfPool-1)
}

// ours says whether a group is one of the pool's level-1 groups.
func (p *Pool) ours(q linux.BtrfsQgroup) bool {
	first, last := p.groups()
	return q >= first && q <= last
}

// createGroup makes the level-1 group of a site that is to be made.
func (p *Pool) createGroup(index int) (linux.BtrfsQgroup, error) {
	if index < 0 || index >= generation-1 {
		return 0, fmt.Errorf("site index %d is not below %d", index, generation-1)
	}
	for n := range uint64(maxGenerations) {
		group := linux.NewBtrfsQgroup(1, p.base+1+uint64(index)+n*generation)
		err := linux.BtrfsCreateQgroup(p.root, group)
		if err == nil {
			return group, nil
		}
		if !errors.Is(err, unix.EEXIST) {
			return 0, fmt.Errorf("make quota group %s: %w", group, err)
		}
	}
	return 0, fmt.Errorf("no free quota group for site index %d", index)
}

// setLimit limits a group and reads the limit back.
func (p *Pool) setLimit(group linux.BtrfsQgroup, bytes int64) error {
	if err := linux.BtrfsSetQgroupLimit(p.root, group, bytes); err != nil {
		return fmt.Errorf("limit quota group %s: %w", group, err)
	}
	got, err := linux.BtrfsQgroupLimit(p.root, group)
	if err != nil {
		return fmt.Errorf("read limit of quota group %s: %w", group, err)
	}
	if got != bytes {
		return fmt.Errorf("limit of quota group %s is %d bytes after it was set to %d", group, got, bytes)
	}
	return nil
}

// groupOf returns the level-1 group of ours that a subvolume counts in.
func (p *Pool) groupOf(subvolume uint64) (linux.BtrfsQgroup, error) {
	own := linux.NewBtrfsQgroup(0, subvolume)
	relations, err := linux.BtrfsQgroupRelations(p.root, own, own)
	if err != nil {
		return 0, fmt.Errorf("read quota group of subvolume %d: %w", subvolume, err)
	}
	for _, q := range relations[own] {
		if p.ours(q) {
			return q, nil
		}
	}
	return 0, fmt.Errorf("subvolume %d is in no quota group of the pool", subvolume)
}
