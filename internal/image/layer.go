package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// layer is a site's own layer while it is written for the first time: the upper directory of an overlay whose lower one is
// the image. All ids are stored shifted by base.
type layer struct {
	image *os.Root // the image's root file system
	upper *os.Root
	base  uint32
}

// top makes the layer's own root directory that of the image.
func (l *layer) top() error {
	info, err := l.image.Stat(".")
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	return l.own(".", 0o755, st.Uid, st.Gid)
}

// mkdirParents makes the directories that lead to name. Those the image has are made as they are there, which is what
// overlayfs itself does when it copies a directory up; others belong to root.
func (l *layer) mkdirParents(name string) error {
	dir := path.Dir(name)
	if dir == "." {
		return nil
	}
	if err := l.mkdirParents(dir); err != nil {
		return err
	}
	mode, uid, gid := fs.FileMode(0o755), uint32(0), uint32(0)
	info, err := l.image.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is no directory in the image", dir)
	default:
		st := info.Sys().(*syscall.Stat_t)
		mode, uid, gid = info.Mode()&^fs.ModeDir, st.Uid, st.Gid
	}
	if err := l.upper.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
		return nil // made for another file, or named by the manifest with an owner of its own
	} else if err != nil {
		return err
	}
	return l.own(dir, mode, uid, gid)
}

// mkdir makes one directory with its owner.
func (l *layer) mkdir(name string, mode fs.FileMode, uid, gid uint32) error {
	if err := l.mkdirParents(name); err != nil {
		return err
	}
	if err := l.upper.Mkdir(name, 0o700); err != nil {
		return err
	}
	return l.own(name, mode, uid, gid)
}

// writeFile makes one file with its owner. A second file of the same name is an error: fs.ErrExist.
func (l *layer) writeFile(name string, content []byte, mode fs.FileMode, uid, gid uint32) error {
	if err := l.mkdirParents(name); err != nil {
		return err
	}
	f, err := l.upper.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, ownFile(f, mode, l.base+uid, l.base+gid), f.Close())
}

// ownFile sets owner, then mode: chown(2) clears setuid. By descriptor, which spares the kernel the way to the name.
func ownFile(f *os.File, mode fs.FileMode, uid, gid uint32) error {
	if err := f.Chown(int(uid), int(gid)); err != nil {
		return err
	}
	return f.Chmod(mode)
}

// symlink makes a symbolic link with its owner. What it points to is looked at by the site alone.
func (l *layer) symlink(name, target string, uid, gid uint32) error {
	if err := l.mkdirParents(name); err != nil {
		return err
	}
	if err := l.upper.Symlink(target, name); err != nil {
		return err
	}
	return l.upper.Lchown(name, int(l.base+uid), int(l.base+gid))
}

// rewrite puts new content into a file of the image; mode and owner stay.
func (l *layer) rewrite(name string, content []byte) error {
	info, err := l.image.Lstat(name)
	if err != nil {
		return err
	}
	st := info.Sys().(*syscall.Stat_t)
	return l.writeFile(name, content, info.Mode(), st.Uid, st.Gid)
}

// own is ownFile by name, for directories.
func (l *layer) own(name string, mode fs.FileMode, uid, gid uint32) error {
	if err := l.upper.Lchown(name, int(l.base+uid), int(l.base+gid)); err != nil {
		return err
	}
	return l.upper.Chmod(name, mode)
}
