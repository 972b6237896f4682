package pool

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/go-units"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// InUseError says that a disk cannot be made as small as was asked, since more lies on it.
type InUseError struct {
	Used, Limit int64 // bytes
	Files       bool  // Used and Limit are those of the files, which the database's reserve is closed to
}

func (e *InUseError) Error() string {
	used, limit := units.BytesSize(float64(e.Used)), units.BytesSize(float64(e.Limit))
	if e.Files {
		return fmt.Sprintf("%s is in use by files, which could have %s: the rest is kept for the database", used, limit)
	}
	return used + " is in use"
}

// Resize changes the limits of a site that may run and reads them back; limits that it has already cost nothing. It never
// leaves a limit below what is used: that is an *InUseError, and a site that writes meanwhile keeps its old limits. On an
// error the old limits hold.
func (p *Pool) Resize(ctx context.Context, name string, d Disk) error {
	if err := errors.Join(d.check(), ctx.Err()); err != nil {
		return err
	}
	whole, root, err := p.siteGroups(name)
	if err != nil {
		return err
	}
	old, err := p.limits(whole, root)
	if err != nil || old == d {
		return err
	}
	if d.Limit >= old.Limit && d.files() >= old.files() {
		return p.SetDisk(ctx, name, d)
	}
	// Before, since writes that the new limit refuses can end a database; after, since the site writes meanwhile.
	if err := p.checkUse(whole, root, d); err != nil {
		return err
	}
	if err := p.SetDisk(ctx, name, d); err != nil {
		return err
	}
	if err = fault.Point("resize disk: limited"); err == nil {
		err = p.checkUse(whole, root, d)
	}
	if err != nil {
		return errors.Join(err, p.SetDisk(context.WithoutCancel(ctx), name, old))
	}
	return nil
}

// files is the room of the root alone.
func (d Disk) files() int64 { return d.Limit - d.Reserve }

// limits of a site as the kernel holds them.
func (p *Pool) limits(whole, root linux.BtrfsQgroup) (Disk, error) {
	limit, err := linux.BtrfsQgroupLimit(p.root, whole)
	if err != nil {
		return Disk{}, fmt.Errorf("read limit of quota group %s: %w", whole, err)
	}
	files, err := linux.BtrfsQgroupLimit(p.root, root)
	if err != nil {
		return Disk{}, fmt.Errorf("read limit of quota group %s: %w", root, err)
	}
	return Disk{Limit: limit, Reserve: limit - files}, nil
}

// checkUse tells whether a site fits into d, with all that it has written by now.
func (p *Pool) checkUse(whole, root linux.BtrfsQgroup, d Disk) error {
	if err := linux.BtrfsSync(p.root); err != nil {
		return fmt.Errorf("write out pool: %w", err)
	}
	for _, group := range []struct {
		id    linux.BtrfsQgroup
		limit int64
		files bool
	}{{whole, d.Limit, false}, {root, d.files(), true}} {
		used, err := linux.BtrfsQgroupUsage(p.root, group.id)
		if err != nil {
			return fmt.Errorf("read usage of quota group %s: %w", group.id, err)
		}
		if used > group.limit {
			return &InUseError{Used: used, Limit: group.limit, Files: group.files}
		}
	}
	return nil
}
