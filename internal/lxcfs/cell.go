package lxcfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// enterCell gives this thread a mount namespace and a root of its own that hold what lxcfs needs and no file of the host's
// beyond its programs: what it mounts shows nowhere else and goes with it, it keeps no disk of the host's busy, and finds
// no secret, whatever a site may make it do. The thread gives up the capabilities that lxcfs does without.
func enterCell() error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	unix.Umask(0o022) // of this thread: it shares it with none any more
	root, err := linux.NewMount("tmpfs", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV,
		linux.Option{Key: "mode", Value: "0755"}, linux.Option{Key: "size", Value: "1m"})
	if err != nil {
		return err
	}
	defer root.Close()
	if err := linux.PlaceRoot(root); err != nil {
		return err
	}
	if err := furnish(root); err != nil {
		return err
	}
	if err := linux.PivotTo(root); err != nil {
		return err
	}
	return dropBounding()
}

// furnish lays down programs, /proc, /sys with the cgroups, the device of FUSE, and room for lxcfs's own mounts.
func furnish(root *os.File) error {
	for _, dir := range []string{"dev", "run", mountPoint[1:]} {
		if err := unix.Mkdirat(int(root.Fd()), dir, 0o755); err != nil {
			return fmt.Errorf("create /%s: %w", dir, err)
		}
	}
	for _, name := range []string{"usr", "bin", "lib", "lib64", "proc", "sys"} {
		target, err := os.Readlink("/" + name)
		switch {
		case err == nil: // /bin of a Debian with a merged /usr
			err = unix.Symlinkat(target, int(root.Fd()), name)
		case errors.Is(err, fs.ErrNotExist):
			err = nil
		default:
			err = carry(root, name, unix.S_IFDIR)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range []string{"dev/fuse", "dev/null"} {
		if err := carry(root, name, unix.S_IFREG); err != nil {
			return err
		}
	}
	return nil
}

// carry mounts a directory or a file of the old root at the same place of the new one.
func carry(root *os.File, name string, kind uint32) error {
	clone := linux.CloneTree
	if name == "sys" {
		clone = linux.CloneTrees // the cgroups are mounted below it
	}
	tree, err := clone("/" + name)
	if err != nil {
		return err
	}
	defer tree.Close()
	if kind == unix.S_IFDIR {
		err = unix.Mkdirat(int(root.Fd()), name, 0o755)
	} else {
		err = unix.Mknodat(int(root.Fd()), name, kind|0o600, 0)
	}
	if err != nil {
		return fmt.Errorf("create /%s: %w", name, err)
	}
	target, err := linux.OpenBeneath(root, name, unix.O_PATH)
	if err != nil {
		return err
	}
	defer target.Close()
	return linux.Attach(tree, target)
}

// dropBounding empties this thread's bounding set but for what lxcfs uses: it mounts, joins PID namespaces, names the sender of
// a message, and reads of every process in which cgroup that is.
func dropBounding() error {
	return linux.DropBounding([]uint{
		unix.CAP_SYS_ADMIN, unix.CAP_SYS_PTRACE, unix.CAP_SYS_CHROOT, unix.CAP_DAC_READ_SEARCH, unix.CAP_DAC_OVERRIDE, unix.CAP_SETUID,
		unix.CAP_SETGID, unix.CAP_KILL,
	})
}
