// Package linux holds thin wrappers of system calls, one file a noun. It has no policy, keeps no state and imports
// nothing of logis: it is the leaf of the house.
package linux

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// CloneTree returns a detached copy of the mount at path, without what is mounted below it (open_tree(2)). The mount
// vanishes with the last descriptor. A symbolic link as the last component is not followed.
func CloneTree(path string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path,
		unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return nil, &os.PathError{Op: "open_tree", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// CloneTrees is CloneTree with all that is mounted below path.
func CloneTrees(path string) (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path,
		unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW|unix.AT_RECURSIVE)
	if err != nil {
		return nil, &os.PathError{Op: "open_tree", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// CloneFile is CloneTree for an open file or directory.
func CloneFile(f *os.File) (*os.File, error) {
	fd, err := unix.OpenTree(int(f.Fd()), "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return nil, &os.PathError{Op: "open_tree", Path: f.Name(), Err: err}
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// SetMountAttr sets attrs (unix.MOUNT_ATTR_*) on a mount (mount_setattr(2)). With MOUNT_ATTR_IDMAP, userns gives the
// mapping and the mount must be detached; otherwise userns is nil.
func SetMountAttr(mount *os.File, attrs uint64, userns *os.File) error {
	attr := unix.MountAttr{Attr_set: attrs}
	if userns != nil {
		attr.Userns_fd = uint64(userns.Fd())
	}
	if err := unix.MountSetattr(int(mount.Fd()), "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return fmt.Errorf("mount_setattr %s: %w", mount.Name(), err)
	}
	return nil
}

// ClearMountAttr takes attrs (unix.MOUNT_ATTR_*) off a mount.
func ClearMountAttr(mount *os.File, attrs uint64) error {
	if err := unix.MountSetattr(int(mount.Fd()), "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_clr: attrs}); err != nil {
		return fmt.Errorf("mount_setattr %s: %w", mount.Name(), err)
	}
	return nil
}

// Option is one parameter of a new file system: Key=Value, or a flag when Value is empty.
type Option struct{ Key, Value string }

// NewMount makes a file system and a detached mount of it with attrs (fsopen(2), fsconfig(2), fsmount(2)).
func NewMount(fstype string, attrs int, options ...Option) (*os.File, error) {
	fd, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("fsopen %s: %w", fstype, err)
	}
	defer unix.Close(fd)
	for _, o := range options {
		if o.Value == "" {
			err = unix.FsconfigSetFlag(fd, o.Key)
		} else {
			err = unix.FsconfigSetString(fd, o.Key, o.Value)
		}
		if err != nil {
			return nil, fmt.Errorf("configure %s: %s=%s: %w%s", fstype, o.Key, o.Value, err, fsLog(fd))
		}
	}
	if err := unix.FsconfigCreate(fd); err != nil {
		return nil, fmt.Errorf("create %s: %w%s", fstype, err, fsLog(fd))
	}
	mfd, err := unix.Fsmount(fd, unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return nil, fmt.Errorf("fsmount %s: %w%s", fstype, err, fsLog(fd))
	}
	return os.NewFile(uintptr(mfd), fstype), nil
}

// fsLog reads the kernel's own words about the last error of a file system context, " (…)" or "".
func fsLog(fd int) string {
	buf := make([]byte, 512)
	n, err := unix.Read(fd, buf)
	if err != nil || n < 3 {
		return ""
	}
	return " (" + string(buf[2:n]) + ")" // "e " comes before the text
}

// Attach moves a detached mount onto what target is open on (move_mount(2)), both by descriptor: no path is resolved.
func Attach(mount, target *os.File) error {
	err := unix.MoveMount(int(mount.Fd()), "", int(target.Fd()), "",
		unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("move_mount %s onto %s: %w", mount.Name(), target.Name(), err)
	}
	return nil
}

// OpenBeneath opens a path for reference (O_PATH) below dir; no symbolic link is followed and nothing leaves dir
// (openat2(2)).
func OpenBeneath(dir *os.File, path string, flags int) (*os.File, error) {
	fd, err := unix.Openat2(int(dir.Fd()), path, &unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}
