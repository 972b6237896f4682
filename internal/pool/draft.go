package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// Draft is a writable subvolume that is to become an image.
type Draft struct {
	pool *Pool
	name string
}

// CreateDraft makes an empty draft. One of the same name is fs.ErrExist; those of a process that died are deleted by
// Open.
func (p *Pool) CreateDraft(ctx context.Context, name string) (*Draft, error) {
	if err := errors.Join(checkName(name), ctx.Err()); err != nil {
		return nil, err
	}
	parent, err := openSubdir(filepath.Join(p.dir, "drafts"))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	d := &Draft{pool: p, name: name}
	opened := p.openDraft(name)
	if err := p.createSubvolume(parent, name, p.shelf(), 0); err != nil {
		if !errors.Is(err, fs.ErrExist) {
			err = errors.Join(err, d.Discard(ctx))
		} else if opened {
			p.closeDraft(name)
		}
		return nil, err
	}
	return d, nil
}

// Path of the draft's subvolume.
func (d *Draft) Path() string { return filepath.Join(d.pool.dir, "drafts", d.name) }

// Commit makes the draft the image NAME@DIGEST and returns its path: written to the disk, read-only, and there as a
// whole or not at all. If an image of this name exists, the draft is discarded and the path of that image returned.
func (d *Draft) Commit(ctx context.Context, image string) (string, error) {
	if err := errors.Join(checkImage(image), ctx.Err()); err != nil {
		return "", err
	}
	path, err := d.pool.Image(image)
	if err == nil {
		return path, d.Discard(ctx)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	top, err := openSubdir(d.Path())
	if err != nil {
		return "", fmt.Errorf("open draft: %w", err)
	}
	defer top.Close()
	// A read-only subvolume cannot change its directory, so it goes next to its place while it is writable.
	path = d.pool.imagePath(image)
	hidden := d.pool.imagePath("." + image + "." + d.name)
	if err := os.Rename(d.Path(), hidden); err != nil {
		return "", fmt.Errorf("commit draft: %w", err)
	}
	defer d.pool.closeDraft(d.name)
	err = fault.Point("image: hidden")
	if err == nil {
		err = d.publish(top, hidden, path)
	}
	if err != nil {
		if errors.Is(err, fs.ErrExist) { // another draft of the same image was faster
			return path, d.pool.deleteSubvolume(hidden)
		}
		return "", errors.Join(err, d.pool.deleteSubvolume(hidden))
	}
	return path, nil
}

func (d *Draft) publish(top *os.File, hidden, path string) error {
	if err := linux.BtrfsSync(top); err != nil {
		return fmt.Errorf("write out draft: %w", err)
	}
	if err := linux.BtrfsSetReadOnly(top, true); err != nil {
		return fmt.Errorf("make draft read-only: %w", err)
	}
	if err := fault.Point("image: read-only"); err != nil {
		return err
	}
	if readOnly, err := linux.BtrfsIsReadOnly(top); err != nil || !readOnly {
		return errors.Join(err, errors.New("draft is writable after it was made read-only"))
	}
	if err := unix.Renameat2(unix.AT_FDCWD, hidden, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("publish image: %w", err)
	}
	err := fault.Point("image: published")
	if err == nil {
		err = linux.BtrfsCommit(top)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write out image: %w", err), d.pool.deleteSubvolume(path))
	}
	return nil
}

// Discard deletes the draft. One that is committed or discarded already is fine.
func (d *Draft) Discard(context.Context) error {
	defer d.pool.closeDraft(d.name)
	return d.pool.deleteSubvolume(d.Path())
}

func (p *Pool) imagePath(name string) string { return filepath.Join(p.dir, "images", name) }

func checkImage(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if image, digest, ok := strings.Cut(name, "@"); !ok || image == "" || digest == "" {
		return fmt.Errorf("%q is not NAME@DIGEST", name)
	}
	return nil
}

// Image returns the path of an image, given as NAME@DIGEST; fs.ErrNotExist is one that is missing.
func (p *Pool) Image(name string) (string, error) {
	if err := checkImage(name); err != nil {
		return "", err
	}
	if _, err := subvolumeID(p.imagePath(name)); err != nil {
		return "", fmt.Errorf("find image: %w", err)
	}
	return p.imagePath(name), nil
}

// Images lists the images as NAME@DIGEST, sorted.
func (p *Pool) Images() ([]string, error) { return p.names("images") }

// DeleteImage removes an image, given as NAME@DIGEST; one that does not exist is fine. The caller knows that no site
// uses it.
func (p *Pool) DeleteImage(_ context.Context, name string) error {
	if err := checkImage(name); err != nil {
		return err
	}
	return p.deleteSubvolume(p.imagePath(name))
}

// deleteLeftovers removes drafts and half-committed images of a process that died.
func (p *Pool) deleteLeftovers() error {
	for _, dir := range []string{"drafts", "images"} {
		entries, err := os.ReadDir(filepath.Join(p.dir, dir))
		if err != nil {
			return fmt.Errorf("list left-over drafts: %w", err)
		}
		for _, e := range entries {
			if dir == "images" && !strings.HasPrefix(e.Name(), ".") {
				continue
			}
			if err := p.deleteSubvolume(filepath.Join(p.dir, dir, e.Name())); err != nil {
				return err
			}
			p.log.Info("deleted left-over draft", "name", e.Name())
		}
	}
	return nil
}
