package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// Disk is the room of a site, in bytes. Limit holds for root and data together; root alone is held to Limit less
// Reserve, so that files can never starve the database.
type Disk struct{ Limit, Reserve int64 }

func (d Disk) check() error {
	if d.Reserve < 0 || d.Limit <= d.Reserve {
		return fmt.Errorf("disk of %d bytes with a reserve of %d", d.Limit, d.Reserve)
	}
	return nil
}

// SiteDir holds the absolute paths of a site's two subvolumes. Both are made empty, owned by root, mode 0755.
type SiteDir struct{ Root, Data string }

// freshness bounds the age of what Usage returns.
const freshness = 5 * time.Second

func (p *Pool) siteDir(name string) string { return filepath.Join(p.dir, "sites", name) }

func (d SiteDir) subvolumes() []string { return []string{d.Root, d.Data} }

func (p *Pool) paths(name string) SiteDir {
	return SiteDir{Root: filepath.Join(p.siteDir(name), "root"), Data: filepath.Join(p.siteDir(name), "data")}
}

// CreateSite makes the subvolumes of a site and their limits, which are read back. index tells sites apart; it is the
// site's own while it exists. On an error nothing is left, except quota groups that the sweeper removes. The site
// survives a power cut only after Sync. An existing site is fs.ErrExist.
func (p *Pool) CreateSite(ctx context.Context, name string, index int, d Disk) (_ SiteDir, err error) {
	if err := errors.Join(checkName(name), d.check(), ctx.Err()); err != nil {
		return SiteDir{}, err
	}
	if err := os.Mkdir(p.siteDir(name), 0o700); err != nil {
		return SiteDir{}, fmt.Errorf("make directory of site: %w", err)
	}
	var group linux.BtrfsQgroup
	defer func() {
		if err != nil {
			err = errors.Join(err, p.DeleteSite(context.WithoutCancel(ctx), name))
			p.markStale(group) // a group that no subvolume joined is not found through one
		}
	}()
	if err := fault.Point("disk: directory"); err != nil {
		return SiteDir{}, err
	}
	if group, err = p.createGroup(index); err != nil {
		return SiteDir{}, err
	}
	if err := fault.Point("disk: quota group"); err != nil {
		return SiteDir{}, err
	}
	if err := p.setLimit(group, d.Limit); err != nil {
		return SiteDir{}, err
	}
	dir, err := openSubdir(p.siteDir(name))
	if err != nil {
		return SiteDir{}, err
	}
	defer dir.Close()
	if err := p.createSubvolume(dir, "root", group, d.Limit-d.Reserve); err != nil {
		return SiteDir{}, err
	}
	if err := fault.Point("disk: root subvolume"); err != nil {
		return SiteDir{}, err
	}
	if err := p.createSubvolume(dir, "data", group, 0); err != nil {
		return SiteDir{}, err
	}
	return p.paths(name), ctx.Err()
}

// createSubvolume makes a subvolume in a quota group, with a limit of its own unless that is 0.
func (p *Pool) createSubvolume(parent *os.File, name string, group linux.BtrfsQgroup, limit int64) error {
	if err := linux.BtrfsCreateSubvolume(parent, name, group); err != nil {
		return fmt.Errorf("create subvolume %s/%s: %w", parent.Name(), name, err)
	}
	id, err := subvolumeID(filepath.Join(parent.Name(), name))
	if err != nil {
		return err
	}
	if got, err := p.groupOf(id); err != nil || got != group {
		return errors.Join(err, fmt.Errorf("subvolume %s/%s is not in quota group %s", parent.Name(), name, group))
	}
	if limit == 0 {
		return nil
	}
	return p.setLimit(linux.NewBtrfsQgroup(0, id), limit)
}

// subvolumeID returns the id of the subvolume whose top is path; fs.ErrNotExist is none.
func subvolumeID(path string) (uint64, error) {
	f, err := openSubdir(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	ok, err := linux.BtrfsIsSubvolume(f)
	if err != nil {
		return 0, fmt.Errorf("stat %s: %w", path, err)
	}
	if !ok {
		return 0, fmt.Errorf("%s is not a subvolume: %w", path, fs.ErrNotExist)
	}
	id, err := linux.BtrfsSubvolumeID(f)
	if err != nil {
		return 0, fmt.Errorf("read id of subvolume %s: %w", path, err)
	}
	return id, nil
}

// ErrNoDisk is returned for a site whose subvolumes, one or both, are missing. Nothing else that
// is missing is it, a quota group say.
var ErrNoDisk = errors.New("a subvolume is missing")

// Site returns the paths of a complete site; ErrNoDisk is one that is missing or half made.
func (p *Pool) Site(name string) (SiteDir, error) {
	if err := checkName(name); err != nil {
		return SiteDir{}, err
	}
	dir := p.paths(name)
	for _, path := range dir.subvolumes() {
		_, err := subvolumeID(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrNoDisk, err)
		}
		if err != nil {
			return SiteDir{}, fmt.Errorf("find disk of site: %w", err)
		}
	}
	return dir, nil
}

// Sites lists the sites, half-made and half-deleted ones too.
func (p *Pool) Sites() ([]string, error) { return p.names("sites") }

// siteGroups returns the group of the whole site and the one of its root.
func (p *Pool) siteGroups(name string) (whole, root linux.BtrfsQgroup, err error) {
	dir, err := p.Site(name)
	if err != nil {
		return 0, 0, err
	}
	id, err := subvolumeID(dir.Root)
	if err != nil {
		return 0, 0, err
	}
	whole, err = p.groupOf(id)
	return whole, linux.NewBtrfsQgroup(0, id), err
}

// SetDisk changes the limits of a site and reads them back; on an error the old ones hold. A limit below what is used
// is legal: the site can then only delete.
func (p *Pool) SetDisk(ctx context.Context, name string, d Disk) (err error) {
	if err := errors.Join(d.check(), ctx.Err()); err != nil {
		return err
	}
	whole, root, err := p.siteGroups(name)
	if err != nil {
		return err
	}
	old, err := linux.BtrfsQgroupLimit(p.root, whole)
	if err != nil {
		return fmt.Errorf("read limit of quota group %s: %w", whole, err)
	}
	if err := p.setLimit(whole, d.Limit); err != nil {
		return errors.Join(err, p.setLimit(whole, old))
	}
	oldRoot, err := linux.BtrfsQgroupLimit(p.root, root)
	if err == nil {
		if err = p.setLimit(root, d.Limit-d.Reserve); err != nil {
			err = errors.Join(err, p.setLimit(root, oldRoot))
		}
	}
	if err != nil {
		return errors.Join(err, p.setLimit(whole, old))
	}
	return nil
}

// Usage returns what counts against a site's limits. The kernel updates the numbers at commits of the file system;
// Usage waits for one when the last it waited for is more than five seconds ago, so they are at most that
// old. Bytes that still wait in memory to be written are not in them.
func (p *Pool) Usage(ctx context.Context, name string) (use Use, err error) {
	if err := ctx.Err(); err != nil {
		return Use{}, err
	}
	whole, root, err := p.siteGroups(name)
	if err != nil {
		return Use{}, err
	}
	if err := p.commitStale(); err != nil {
		return Use{}, err
	}
	for _, of := range []struct {
		group       linux.BtrfsQgroup
		used, limit *int64
	}{{whole, &use.Used, &use.Limit}, {root, &use.FilesUsed, &use.FilesLimit}} {
		if *of.used, err = linux.BtrfsQgroupUsage(p.root, of.group); err != nil {
			return Use{}, fmt.Errorf("read usage of quota group %s: %w", of.group, err)
		}
		if *of.limit, err = linux.BtrfsQgroupLimit(p.root, of.group); err != nil {
			return Use{}, fmt.Errorf("read limit of quota group %s: %w", of.group, err)
		}
	}
	return use, nil
}

// DeleteSite removes a site, complete or not; one that does not exist is fine. Its path is gone at return; its bytes
// and quota groups follow in the background (Sweep waits for them).
func (p *Pool) DeleteSite(_ context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	for _, path := range p.paths(name).subvolumes() {
		if err := p.deleteSubvolume(path); err != nil {
			return err
		}
		if err := fault.Point("delete disk: a subvolume"); err != nil {
			return err
		}
	}
	if err := p.removeMark(name); err != nil {
		return err
	}
	if err := unix.Rmdir(p.siteDir(name)); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove directory of site: %w", err)
	}
	return nil
}
