package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/logis-project/logis/internal/linux"
)

// headroom is what a site may use above its limit while it is started, in bytes. overlayfs makes a directory and tries
// out what the disk can do; btrfs sets aside 16 KiB of tree for each step of that until its next commit.
const headroom = 4 << 20

// headroomMark is the file, beside the subvolumes of a site, that says that its limits are raised and what they are.
const headroomMark = "headroom"

// Headroom raises the limits of a site by a few MiB: no overlay can be mounted writable on a disk that is full to the last
// byte. restore sets the limits to d and reads them back; call it as soon as the mounts are made. What dies in between is
// mended by the next Headroom of the site, or by Open. Where more than the limit is used, that counts as the limit.
func (p *Pool) Headroom(ctx context.Context, name string, d Disk) (restore func(context.Context) error, err error) {
	if err := errors.Join(checkName(name), d.check(), ctx.Err()); err != nil {
		return nil, err
	}
	whole, root, err := p.siteGroups(name)
	if err != nil {
		return nil, err
	}
	// A link and not a file: its text is there or not, after a power cut too.
	if err := p.removeMark(name); err != nil {
		return nil, err
	}
	if err := os.Symlink(fmt.Sprint(d.Limit, " ", d.Reserve), p.markPath(name)); err != nil {
		return nil, fmt.Errorf("note limits of site: %w", err)
	}
	restore = func(ctx context.Context) error {
		if err := p.SetDisk(ctx, name, d); err != nil {
			return fmt.Errorf("restore limits of site: %w", err)
		}
		return p.removeMark(name)
	}
	err = errors.Join(p.raise(whole, d.Limit), p.raise(root, d.Limit-d.Reserve))
	if err != nil {
		return nil, errors.Join(err, restore(context.WithoutCancel(ctx)))
	}
	return restore, nil
}

// raise sets the limit of a group above both limit and what is used.
func (p *Pool) raise(group linux.BtrfsQgroup, limit int64) error {
	used, err := linux.BtrfsQgroupUsage(p.root, group)
	if err != nil {
		return fmt.Errorf("read usage of quota group %s: %w", group, err)
	}
	return p.setLimit(group, max(limit, used)+headroom)
}

func (p *Pool) markPath(name string) string { return filepath.Join(p.siteDir(name), headroomMark) }

func (p *Pool) removeMark(name string) error {
	if err := os.Remove(p.markPath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove note of limits: %w", err)
	}
	return nil
}

// restoreLimits puts back the limits that an earlier process raised and did not restore. One site that cannot be mended
// does not keep the others from running: it keeps its mark.
func (p *Pool) restoreLimits(ctx context.Context) error {
	sites, err := p.Sites()
	if err != nil {
		return err
	}
	for _, name := range sites {
		text, err := os.Readlink(p.markPath(name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var d Disk
		if err == nil {
			_, err = fmt.Sscanf(text, "%d %d", &d.Limit, &d.Reserve)
		}
		if err == nil {
			err = p.SetDisk(ctx, name, d)
		}
		if err == nil {
			err = p.removeMark(name)
		}
		if err != nil && !errors.Is(err, ErrNoDisk) { // half a site, which is deleted soon
			p.log.Error("limits of a site are raised", "site", name, "error", err)
		}
	}
	return ctx.Err()
}
