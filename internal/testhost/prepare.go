package testhost

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// prepare turns fresh namespaces into a host: nothing propagates out, /proc and /sys show the new namespaces, /run is
// empty, the loopback is up.
func prepare() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := remountSys(); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if err := addAccounts(); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// remountSys mounts a sysfs of the new network namespace and carries the cgroup hierarchies over, which belong to no
// network namespace.
func remountSys() error {
	const cgroups = "/sys/fs/cgroup"
	tree, err := unix.OpenTree(unix.AT_FDCWD, cgroups, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("clone %s: %w", cgroups, err)
	}
	defer unix.Close(tree)
	if err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, cgroups, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", cgroups, err)
	}
	return nil
}

// addAccounts gives the box the accounts that the daemons look for, without a change to the host's own files.
func addAccounts() error {
	for _, f := range []struct{ path, line string }{
		{"/etc/group", "logis:x:64998:"},
		{"/etc/group", "logis-proxy:x:64999:"},
		{"/etc/passwd", "logis-proxy:x:64999:64999::/nonexistent:/usr/sbin/nologin"},
	} {
		if err := addLine(f.path, f.line); err != nil {
			return fmt.Errorf("add account to %s: %w", f.path, err)
		}
	}
	return nil
}

func addLine(path, line string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(line, ":")
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, name+":") }) {
		return nil
	}
	file := filepath.Join(Dir(), filepath.Base(path))
	if err := os.WriteFile(file, []byte(strings.Join(append(lines, line), "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return unix.Mount(file, path, "", unix.MS_BIND, "")
}
