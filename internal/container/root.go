package container

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// Layers are the directories that an overlay is made of, absolute paths of the host.
type Layers struct {
	Lower string // for the root the image, with the image's own ids; for the data volume an empty directory
	Upper string // the site's own layer, ids shifted by IDBase
	Work  string // overlayfs's work directory, on the same file system as Upper
}

// assembleRoot returns the container's root as a detached mount: the image through userns's id map, under the site's own
// layer. It appears in no mount table: a thread of its own in a private mount namespace does the work and dies.
func assembleRoot(l Layers, userns *os.File) (root *os.File, err error) {
	linux.OnOwnThread(func() { root, err = assembleHere(l, userns) })
	return root, err
}

func assembleHere(l Layers, userns *os.File) (*os.File, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return nil, fmt.Errorf("unshare mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("make mounts private: %w", err)
	}
	image, err := linux.CloneTree(l.Lower)
	if err != nil {
		return nil, err
	}
	defer image.Close()
	if err := linux.SetMountAttr(image, unix.MOUNT_ATTR_IDMAP|unix.MOUNT_ATTR_RDONLY, userns); err != nil {
		return nil, err
	}
	// overlayfs takes its lower layer by path before Linux 6.13, so the mapped image is mounted over itself, seen here only.
	at, err := os.OpenFile(l.Lower, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	defer at.Close()
	if err := linux.Attach(image, at); err != nil {
		return nil, err
	}
	return overlay(l, unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOATIME)
}

// ErrReadOnly is an overlay that the kernel made read-only, because it could not prepare its work directory.
var ErrReadOnly = errors.New("it can only be read: the disk is full or broken")

// overlay returns a detached, writable mount of the layers, with attrs. The layers are named by descriptor: the site reads
// the names in its own mount table, where they shall tell nothing of the host.
func overlay(l Layers, attrs int) (*os.File, error) {
	options := []linux.Option{{Key: "source", Value: "logis"}}
	for _, layer := range []struct{ key, path string }{{"lowerdir", l.Lower}, {"upperdir", l.Upper}, {"workdir", l.Work}} {
		dir, err := os.OpenFile(layer.path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", layer.key, err)
		}
		defer dir.Close()
		options = append(options, linux.Option{Key: layer.key, Value: fmt.Sprintf("/proc/self/fd/%d", dir.Fd())})
	}
	mount, err := linux.NewMount("overlay", attrs, options...)
	if err != nil {
		return nil, err
	}
	// overlayfs says nothing of it but in the kernel's log.
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(mount.Fd()), &st); err != nil {
		return nil, errors.Join(fmt.Errorf("stat overlay: %w", err), mount.Close())
	}
	if st.Flags&unix.ST_RDONLY != 0 {
		return nil, errors.Join(ErrReadOnly, mount.Close())
	}
	return mount, nil
}

// assembleData returns the site's data volume as a detached mount. It is an overlay too, over an empty directory: on btrfs
// itself anyone may make subvolumes, which leave the quota group of the one they lie in.
func assembleData(l Layers) (*os.File, error) {
	return overlay(l, unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOATIME)
}
