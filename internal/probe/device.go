package probe

import (
	"os"

	"golang.org/x/sys/unix"
)

// devices are attempts to make a device node, and to open one that a host has.
func devices() []Attempt {
	var tries []Attempt
	for _, d := range []struct {
		name         string
		mode         uint32
		major, minor uint32
	}{
		{"null", unix.S_IFCHR, 1, 3},
		{"memory", unix.S_IFCHR, 1, 1},
		{"kernel log", unix.S_IFCHR, 1, 11},
		{"console", unix.S_IFCHR, 5, 1},
		{"tun", unix.S_IFCHR, 10, 200},
		{"fuse", unix.S_IFCHR, 10, 229},
		{"kvm", unix.S_IFCHR, 10, 232},
		{"loop control", unix.S_IFCHR, 10, 237},
		{"btrfs control", unix.S_IFCHR, 10, 234},
		{"vhost-net", unix.S_IFCHR, 10, 238},
		{"input", unix.S_IFCHR, 13, 64},
		{"loop", unix.S_IFBLK, 7, 0},
		{"SCSI disk", unix.S_IFBLK, 8, 0},
		{"virtio disk", unix.S_IFBLK, 254, 0},
		{"NVMe disk", unix.S_IFBLK, 259, 0},
		{"device 0:0", unix.S_IFCHR, 0, 0},
	} {
		tries = append(tries, plain("mknod: "+d.name, func() error {
			path := scratch("node")
			err := unix.Mknod(path, d.mode|0o666, int(unix.Mkdev(d.major, d.minor)))
			if err == nil {
				defer os.Remove(path)
			}
			return err
		}))
	}
	for _, path := range []string{
		"/dev/mem", "/dev/kmem", "/dev/kmsg", "/dev/port", "/dev/fuse", "/dev/net/tun", "/dev/kvm", "/dev/loop-control", "/dev/loop0",
		"/dev/btrfs-control", "/dev/mapper/control", "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/cpu/0/msr", "/dev/rtc0", "/dev/console",
		"/dev/vhost-net", "/dev/vsock", "/dev/userfaultfd", "/dev/autofs", "/dev/uinput", "/dev/dri/card0",
	} {
		tries = append(tries, plain("open "+path, func() error { return open(path) }, "ENOENT"))
	}
	return group("device nodes", "EPERM", tries...)
}

// scratch is a path of this process's own.
func scratch(name string) string {
	return os.TempDir() + "/probe-" + name + "-" + itoa(os.Getpid()) + "-" + itoa(unix.Gettid())
}
