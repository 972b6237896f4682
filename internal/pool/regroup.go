package pool

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// EnsureGroups makes the subvolumes of a site count in a quota group of the site again, and limits them to d, after quota was
// turned off: that removes all groups, and only those of single subvolumes come back with it. index is the one that CreateSite
// was given. A site that has its groups is left alone, whatever its limits. ErrNoDisk is a missing disk.
func (p *Pool) EnsureGroups(ctx context.Context, name string, index int, d Disk) error {
	if err := errors.Join(d.check(), ctx.Err()); err != nil {
		return err
	}
	dir, err := p.Site(name)
	if err != nil {
		return err
	}
	var group linux.BtrfsQgroup
	var lacking []linux.BtrfsQgroup // root last: by its group siteGroups finds that of the site
	for _, path := range []string{dir.Data, dir.Root} {
		id, err := subvolumeID(path)
		if err != nil {
			return err
		}
		of, err := p.groupOf(id)
		switch {
		case errors.Is(err, errNoGroup):
			lacking = append(lacking, linux.NewBtrfsQgroup(0, id))
		case err != nil:
			return err
		default:
			group = of
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	if err := p.ensureShelf(); err != nil { // it went with the others
		return err
	}
	if err := p.regroup(dir, group, lacking, index, d); err != nil {
		return err
	}
	p.log.Warn("quota group of a site was gone, its disk is limited again", "site", name)
	if err := p.removeMark(name); err != nil {
		return err
	}
	return p.ensureQuota(ctx) // counts anew where a subvolume shares bytes with others
}

// regroup puts subvolumes of a site into group, or into one that it makes. The limits come first: what dies in between is
// taken up again for as long as a member is lacking.
func (p *Pool) regroup(dir SiteDir, group linux.BtrfsQgroup, lacking []linux.BtrfsQgroup, index int, d Disk) (err error) {
	root, err := subvolumeID(dir.Root)
	if err != nil {
		return err
	}
	if group == 0 {
		if group, err = p.createGroup(index); err != nil {
			return err
		}
		made := group
		defer func() {
			if err != nil {
				p.markStale(made) // goes unless it has members
			}
		}()
	}
	if err := errors.Join(p.setLimit(group, d.Limit), p.setLimit(linux.NewBtrfsQgroup(0, root), d.files())); err != nil {
		return err
	}
	for _, own := range lacking {
		if err := linux.BtrfsAssignQgroup(p.root, own, group); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("put subvolume %d into quota group %s: %w", own.Number(), group, err)
		}
	}
	return nil
}
