package entry

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

const (
	nosuid   = unix.MOUNT_ATTR_NOSUID
	nodev    = unix.MOUNT_ATTR_NODEV
	noexec   = unix.MOUNT_ATTR_NOEXEC
	readonly = unix.MOUNT_ATTR_RDONLY
)

// assemble builds the mount tree on the detached root and pivots into it. Every mount goes onto a descriptor that was
// opened without following links, since the root's content is the site's.
func assemble(mounts []*os.File, spec Spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	root, rest := mounts[0], mounts[1:]
	if err := linux.PlaceRoot(root); err != nil {
		return err
	}
	if spec.DataTarget != "" {
		if err := attach(root, rest[0], strings.TrimPrefix(spec.DataTarget, "/")); err != nil {
			return err
		}
		rest = rest[1:]
	}
	if err := mountDev(root); err != nil {
		return err
	}
	if err := mountRun(root, spec); err != nil {
		return err
	}
	if spec.Handed {
		if err := attach(root, rest[0], HandedDir); err != nil {
			return err
		}
		rest = rest[1:]
	}
	layDown(root, spec.Lay)
	// proc and sysfs before the old root is let go of: the kernel grants new ones only while it sees full ones.
	if err := mountNew(root, "sys", "sysfs", readonly|nosuid|nodev|noexec); err != nil {
		return err
	}
	if err := mountNew(root, "proc", "proc", nosuid|nodev|noexec); err != nil {
		return err
	}
	if err := writeSysctls(root); err != nil {
		return err
	}
	if err := coverKernelFiles(root); err != nil {
		return err
	}
	for i, path := range spec.View {
		if err := coverFile(root, rest[i], path); err != nil {
			return err
		}
	}
	return pivot(root)
}

func pivot(root *os.File) error {
	if err := linux.PivotTo(root); err != nil {
		return err
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/null: %w", err)
	}
	for fd := range 2 { // standard error stays: PID 1's last words go to logisd
		if err := unix.Dup3(null, fd, 0); err != nil {
			return fmt.Errorf("replace descriptor %d: %w", fd, err)
		}
	}
	return nil
}

// attach mounts a detached mount on a directory of the root.
func attach(root, mount *os.File, path string) error {
	target, err := openTarget(root, path)
	if err != nil {
		return err
	}
	defer target.Close()
	return linux.Attach(mount, target)
}

func mountNew(root *os.File, path, fstype string, attrs int, options ...linux.Option) error {
	m, err := linux.NewMount(fstype, attrs, options...)
	if err != nil {
		return err
	}
	defer m.Close()
	return attach(root, m, path)
}

// devices are the nodes that a container may have: none of them reaches hardware or kernel memory.
func devices() []string { return []string{"null", "zero", "full", "random", "urandom", "tty"} }

// mountDev makes a /dev of its own: bind mounts of the harmless nodes (mknod(2) is refused in a user namespace), a
// devpts instance, and the links that programs expect.
func mountDev(root *os.File) error {
	err := mountNew(root, "dev", "tmpfs", nosuid|noexec,
		linux.Option{Key: "mode", Value: "0755"}, linux.Option{Key: "size", Value: "256k"}, linux.Option{Key: "nr_inodes", Value: "512"})
	if err != nil {
		return err
	}
	dev, err := linux.OpenBeneath(root, "dev", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dev.Close()
	for _, name := range devices() {
		if err := bindNode(dev, name); err != nil {
			return err
		}
	}
	for _, dir := range []string{"pts", "shm"} {
		if err := unix.Mkdirat(int(dev.Fd()), dir, 0o755); err != nil {
			return fmt.Errorf("create /dev/%s: %w", dir, err)
		}
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd",
		"stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := unix.Symlinkat(target, int(dev.Fd()), name); err != nil {
			return fmt.Errorf("link /dev/%s: %w", name, err)
		}
	}
	// gid 5 is Debian's group tty. Terminals are counted for the whole machine (kernel.pty.max, 4096): no site may have all.
	err = mountNew(root, "dev/pts", "devpts", nosuid|noexec,
		linux.Option{Key: "gid", Value: "5"}, linux.Option{Key: "mode", Value: "0620"}, linux.Option{Key: "ptmxmode", Value: "0666"},
		linux.Option{Key: "max", Value: "256"})
	if err != nil {
		return err
	}
	return mountNew(root, "dev/shm", "tmpfs", nosuid|nodev|noexec,
		linux.Option{Key: "mode", Value: "1777"}, linux.Option{Key: "size", Value: "64m"})
}

func bindNode(dev *os.File, name string) error {
	node, err := linux.CloneTree("/dev/" + name)
	if err != nil {
		return err
	}
	defer node.Close()
	fd, err := unix.Openat(int(dev.Fd()), name, unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return fmt.Errorf("create /dev/%s: %w", name, err)
	}
	place := os.NewFile(uintptr(fd), "/dev/"+name)
	defer place.Close()
	return linux.Attach(node, place)
}

// mountRun makes /run and lays down what the site learns from the host: its resolver.
func mountRun(root *os.File, spec Spec) error {
	err := mountNew(root, "run", "tmpfs", nosuid|nodev,
		linux.Option{Key: "mode", Value: "0755"}, linux.Option{Key: "size", Value: "32m"})
	if err != nil {
		return err
	}
	run, err := linux.OpenBeneath(root, "run", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer run.Close()
	for _, dir := range []struct {
		path string
		mode uint32
	}{{"logis", 0o755}, {"logis/host", 0o755}, {"lock", 0o1777}} {
		if err := unix.Mkdirat(int(run.Fd()), dir.path, dir.mode); err != nil {
			return fmt.Errorf("create /run/%s: %w", dir.path, err)
		}
		if err := unix.Fchmodat(int(run.Fd()), dir.path, dir.mode, 0); err != nil {
			return fmt.Errorf("set mode of /run/%s: %w", dir.path, err)
		}
	}
	var conf strings.Builder
	for _, address := range spec.Resolver {
		fmt.Fprintf(&conf, "nameserver %s\n", address)
	}
	return writeBeneath(run, "logis/resolv.conf", os.O_CREATE|os.O_EXCL, conf.String())
}

// layDown writes files where the site has none yet, in directories that it has, as the site's own root. Whatever else it has there is
// its own affair, and no reason not to start.
func layDown(root *os.File, files []File) {
	for _, f := range files {
		_ = writeBeneath(root, f.Path, os.O_CREATE|os.O_EXCL, f.Content)
	}
}

func writeBeneath(dir *os.File, path string, flags int, content string) error {
	fd, err := unix.Openat2(int(dir.Fd()), path, &unix.OpenHow{
		Flags:   uint64(flags | unix.O_WRONLY | unix.O_CLOEXEC),
		Mode:    createMode(flags),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// createMode is the mode openat2(2) wants: it must be zero unless a file is created.
func createMode(flags int) uint64 {
	if flags&os.O_CREATE != 0 {
		return 0o644
	}
	return 0
}

// writeSysctls sets what PID 1 and its services rely on; they could not, /proc/sys being read-only for them.
func writeSysctls(root *os.File) error {
	// ping without CAP_NET_RAW and without a setuid bit (icmp(7)); 65535 would need a mapped group 65535, which exists.
	return writeBeneath(root, "proc/sys/net/ipv4/ping_group_range", 0, "0 65535")
}
