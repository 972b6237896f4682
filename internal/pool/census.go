package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/logis-project/logis/internal/linux"
)

// openDraft keeps the name of a draft that someone fills, and reports whether it was not kept yet.
func (p *Pool) openDraft(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.drafts[name]
	p.drafts[name] = struct{}{}
	return !known
}

func (p *Pool) closeDraft(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.drafts, name)
}

// Leftovers lists drafts, and images that were being committed, which nobody works on any more. They are given as paths
// below the pool's directory.
func (p *Pool) Leftovers() ([]string, error) {
	var left []string
	for _, dir := range []string{"drafts", "images"} {
		entries, err := os.ReadDir(filepath.Join(p.dir, dir))
		if err != nil {
			return nil, fmt.Errorf("list left-over drafts: %w", err)
		}
		for _, e := range entries {
			if (dir == "drafts" || strings.HasPrefix(e.Name(), ".")) && !p.inUse(e.Name()) {
				left = append(left, dir+"/"+e.Name())
			}
		}
	}
	return left, nil
}

// inUse reports whether the directory entry is of a draft that someone fills or commits.
func (p *Pool) inUse(entry string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.drafts {
		if entry == name || strings.HasPrefix(entry, ".") && strings.HasSuffix(entry, "."+name) {
			return true
		}
	}
	return false
}

// DeleteLeftover deletes one of Leftovers; one that is gone, or that someone has come to work on, is left.
func (p *Pool) DeleteLeftover(_ context.Context, path string) error {
	left, err := p.Leftovers()
	if err != nil || !slices.Contains(left, path) {
		return err
	}
	return p.deleteSubvolume(filepath.Join(p.dir, path))
}

// LostGroup is a quota group of the pool that no subvolume counts in and that no deletion is about to remove.
type LostGroup struct {
	Name  string // "1/1000000001"
	Index int    // of the site that it was made for
	id    linux.BtrfsQgroup
}

// LostGroups lists them. A site that is being made has one for an instant. While the quota is off there are none.
func (p *Pool) LostGroups() ([]LostGroup, error) {
	quota, err := linux.BtrfsQuotaStatus(p.root)
	if err != nil {
		return nil, fmt.Errorf("read quota status of pool: %w", err)
	}
	if !quota.Enabled {
		return nil, nil
	}
	first, last := p.groups()
	groups, err := linux.BtrfsQgroups(p.root, first, last)
	if err != nil {
		return nil, fmt.Errorf("list quota groups of pool: %w", err)
	}
	relations, err := linux.BtrfsQgroupRelations(p.root, first, last)
	if err != nil {
		return nil, fmt.Errorf("list members of quota groups: %w", err)
	}
	var lost []LostGroup
	for _, group := range groups {
		if group == p.shelf() || len(relations[group]) > 0 {
			continue // members that were deleted wait for the sweeper, and the group with them
		}
		p.mu.Lock()
		_, stale := p.stale[group]
		p.mu.Unlock()
		if !stale {
			lost = append(lost, LostGroup{group.String(), p.indexOf(group), group})
		}
	}
	return lost, nil
}

// SweepGroup leaves a lost group to the sweeper.
func (p *Pool) SweepGroup(g LostGroup) {
	p.markStale(g.id)
	p.wakeSweeper()
}

// CheckDisk compares the limits of a site with d and says how they differ; nil is not at all. ErrNoDisk is a site whose
// subvolumes, one or both, are missing. While the quota is off no site has limits, which Check says once.
func (p *Pool) CheckDisk(name string, d Disk) error {
	dir, err := p.Site(name)
	if err != nil {
		return err
	}
	quota, err := linux.BtrfsQuotaStatus(p.root)
	if err != nil {
		return fmt.Errorf("read quota status of pool: %w", err)
	}
	if !quota.Enabled {
		return nil
	}
	whole, root, err := p.siteGroups(name)
	if err != nil {
		return err
	}
	data, err := subvolumeID(dir.Data)
	if err != nil {
		return err
	}
	if group, err := p.groupOf(data); err != nil {
		return err
	} else if group != whole {
		return fmt.Errorf("its database counts in quota group %s, its files in %s", group, whole)
	}
	for _, l := range []struct {
		group linux.BtrfsQgroup
		want  int64
	}{{whole, d.Limit}, {root, d.Limit - d.Reserve}} {
		got, err := linux.BtrfsQgroupLimit(p.root, l.group)
		if err != nil {
			return fmt.Errorf("read limit of quota group %s: %w", l.group, err)
		}
		if got != l.want {
			return fmt.Errorf("limit of quota group %s is %d bytes instead of %d", l.group, got, l.want)
		}
	}
	return nil
}

// Check says what is wrong with the pool as a whole, a line each: its mount, its quota, its loop device.
func (p *Pool) Check() ([]string, error) {
	var faults []string
	quota, err := linux.BtrfsQuotaStatus(p.root)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read quota status of pool: %w", err)
	case !quota.Enabled:
		faults = append(faults, "quota of the pool is off: no disk limit holds")
	case quota.Inconsistent:
		faults = append(faults, "quota of the pool is being counted anew")
	}
	if p.loop == nil {
		return faults, nil
	}
	of, err := p.loop.check()
	return append(faults, of...), err
}

func (l *loopFile) check() ([]string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(l.mountPoint))
	if err != nil {
		return nil, fmt.Errorf("look for the mount of the pool: %w", err)
	}
	if len(mounts) == 0 {
		return []string{"the pool is no longer mounted at " + l.mountPoint}, nil
	}
	var faults []string
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return []string{"the pool's file " + l.path + " was deleted: its content is lost when logisd ends"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open loop file: %w", err)
	}
	defer file.Close()
	devices, err := linux.LoopsOf(file)
	if err != nil {
		return nil, fmt.Errorf("look for loop devices of %s: %w", l.path, err)
	}
	for _, d := range devices {
		if d != mounts[len(mounts)-1].Source {
			faults = append(faults, "a second loop device, "+d+", is attached to the pool's file")
		}
	}
	return faults, nil
}
