package probe

import "golang.org/x/sys/unix"

// mounts are attempts at the mount table, with the old system calls and the new.
func mounts() []Attempt {
	return group("mounts", "EPERM",
		plain("mount a tmpfs", func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") }),
		plain("mount proc anew", func() error { return unix.Mount("proc", "/mnt", "proc", 0, "") }),
		plain("mount sysfs anew", func() error { return unix.Mount("sysfs", "/mnt", "sysfs", 0, "") }),
		plain("mount a cgroup hierarchy", func() error { return unix.Mount("cgroup", "/mnt", "cgroup", 0, "memory") }),
		plain("mount cgroup2", func() error { return unix.Mount("cgroup2", "/mnt", "cgroup2", 0, "") }),
		plain("mount a disk", func() error { return unix.Mount("/dev/sda1", "/mnt", "ext4", 0, "") }),
		plain("mount an overlay", func() error { return unix.Mount("overlay", "/mnt", "overlay", 0, "lowerdir=/etc:/usr") }),
		plain("mount with fuse", func() error {
			return unix.Mount("fuse", "/mnt", "fuse", 0, "fd=0,rootmode=40000,user_id=0,group_id=0")
		}),
		plain("bind /proc elsewhere", func() error { return unix.Mount("/proc", "/mnt", "", unix.MS_BIND|unix.MS_REC, "") }),
		plain("bind over /proc/sys", func() error { return unix.Mount("/tmp", "/proc/sys", "", unix.MS_BIND, "") }),
		plain("remount the root", func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") }),
		plain("remount /sys writable", func() error { return unix.Mount("", "/sys", "", unix.MS_REMOUNT|unix.MS_BIND, "") }),
		plain("remount /proc/sys writable", func() error { return unix.Mount("", "/proc/sys", "", unix.MS_REMOUNT|unix.MS_BIND, "") }),
		plain("make mounts shared", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "") }),
		plain("move a mount", func() error { return unix.Mount("/run", "/mnt", "", unix.MS_MOVE, "") }),
		plain("unmount /proc", func() error { return unix.Unmount("/proc", unix.MNT_DETACH) }),
		plain("unmount the cover of /proc/kcore", func() error { return unix.Unmount("/proc/kcore", 0) }),
		plain("unmount the cover of /proc/sys", func() error { return unix.Unmount("/proc/sys", unix.MNT_DETACH) }),
		plain("pivot_root", func() error { return unix.PivotRoot("/mnt", "/mnt") }),
		plain("fsopen", func() error { return second(unix.Fsopen("tmpfs", 0)) }),
		plain("fsmount", func() error { return second(unix.Fsmount(-1, 0, 0)) }),
		plain("fspick", func() error { return second(unix.Fspick(unix.AT_FDCWD, "/", 0)) }),
		plain("fsconfig", func() error { return unix.FsconfigCreate(-1) }),
		plain("open_tree", func() error { return second(unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE)) }),
		plain("move_mount", func() error { return unix.MoveMount(unix.AT_FDCWD, "/run", unix.AT_FDCWD, "/mnt", 0) }),
		plain("mount_setattr", func() error { return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{}) }),
	)
}
