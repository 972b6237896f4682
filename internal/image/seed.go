package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// seed fills a site's data volume with what the image has in its reserved directory. Data is shared with the image
// until it is written where the file system can do that, and copied elsewhere.
func seed(ctx context.Context, from, to *os.Root, base uint32) error {
	return fs.WalkDir(from.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		mode, uid, gid := info.Mode()&^fs.ModeType, base+st.Uid, base+st.Gid
		switch info.Mode().Type() {
		case fs.ModeDir:
			if name != "." {
				if err := to.Mkdir(name, 0o700); err != nil {
					return err
				}
			}
			dir, err := to.Open(name)
			if err != nil {
				return err
			}
			return errors.Join(ownFile(dir, mode, uid, gid), dir.Close())
		case 0:
			return reflinkOrCopy(from, to, name, func(f *os.File) error { return ownFile(f, mode, uid, gid) })
		case fs.ModeSymlink:
			target, err := from.Readlink(name)
			if err != nil {
				return err
			}
			if err := to.Symlink(target, name); err != nil {
				return err
			}
			return to.Lchown(name, int(uid), int(gid))
		default:
			return fmt.Errorf("%s is a device, a socket or a pipe", name)
		}
	})
}

func reflinkOrCopy(from, to *os.Root, name string, own func(*os.File) error) error {
	src, err := from.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = linux.Reflink(dst, src)
	if errors.Is(err, unix.EXDEV) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTTY) {
		_, err = io.Copy(dst, src)
	}
	return errors.Join(err, own(dst), dst.Close())
}
