package probe

import (
	"golang.org/x/sys/unix"
)

// files are attempts at the files through which the kernel is told what to do.
func files() []Attempt {
	var tries []Attempt
	for _, path := range []string{
		"/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/net/ipv4/ip_forward",
		"/proc/sysrq-trigger", "/sys/class/net/lo/mtu", "/sys/kernel/uevent_helper",
	} {
		tries = append(tries, plain("write "+path, func() error { return write(path) }, refusedFile()...))
	}
	return group("files of the kernel", "EPERM", append(tries,
		plain("set a trusted attribute", func() error { return unix.Setxattr("/tmp", "trusted.overlay.opaque", []byte("y"), 0) }),
		plain("open a terminal", func() error { return open("/dev/ptmx") }, Done),
	)...)
}
