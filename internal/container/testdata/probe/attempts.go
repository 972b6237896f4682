package main

import (
	"errors"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attempts tries what a container must refuse, and some of what it must not, and returns the error number's name of each,
// "" for a success.
func attempts() map[string]string {
	out := map[string]string{}
	for name, try := range trials() {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // a thread that changed what it is ends with the trial
			done <- try()
		}()
		out[name] = errno(<-done)
	}
	return out
}

func errno(err error) string {
	var number unix.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &number):
		return unix.ErrnoName(number)
	}
	return err.Error()
}

func trials() map[string]func() error {
	t := map[string]func() error{
		"mount tmpfs":                  func() error { return unix.Mount("none", "/mnt", "tmpfs", 0, "") },
		"remount root":                 func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") },
		"umount proc":                  func() error { return unix.Unmount("/proc", unix.MNT_DETACH) },
		"umount proc/kcore":            func() error { return unix.Unmount("/proc/kcore", 0) },
		"fsopen":                       func() error { return second(unix.Fsopen("tmpfs", 0)) },
		"open_tree":                    func() error { return second(unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE)) },
		"pivot_root":                   func() error { return unix.PivotRoot("/mnt", "/mnt") },
		"setns":                        func() error { return setns("/proc/1/ns/net") },
		"setns self":                   func() error { return setns("/proc/self/ns/net") },
		"clone NEWUSER":                func() error { return call(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD)) },
		"clone3":                       func() error { return call(unix.SYS_CLONE3) },
		"x32 getpid":                   func() error { return call(0x40000000 | unix.SYS_GETPID) },
		"mknod null":                   func() error { return unix.Mknod("/tmp/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) },
		"mknod disk":                   func() error { return unix.Mknod("/tmp/disk", unix.S_IFBLK|0o666, int(unix.Mkdev(254, 0))) },
		"ptrace PID 1":                 func() error { return unix.PtraceSeize(1) },
		"kill PID 1":                   func() error { return unix.Kill(1, unix.SIGKILL) }, // says yes and does nothing: pid_namespaces(7)
		"bpf":                          func() error { return call(unix.SYS_BPF) },
		"io_uring_setup":               func() error { return call(unix.SYS_IO_URING_SETUP, 1) },
		"keyctl":                       func() error { return second(unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)) },
		"add_key":                      func() error { return second(unix.AddKey("user", "probe", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)) },
		"request_key":                  func() error { return second(unix.RequestKey("user", "probe", "", 0)) },
		"userfaultfd":                  func() error { return call(unix.SYS_USERFAULTFD) },
		"perf_event_open":              func() error { return second(unix.PerfEventOpen(&unix.PerfEventAttr{}, 0, -1, -1, 0)) },
		"init_module":                  func() error { return unix.InitModule(nil, "") },
		"kexec_load":                   func() error { return call(unix.SYS_KEXEC_LOAD) },
		"reboot":                       func() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) },
		"swapon":                       func() error { return call(unix.SYS_SWAPON) },
		"settimeofday":                 func() error { return unix.Settimeofday(&unix.Timeval{}) },
		"quotactl":                     func() error { return call(unix.SYS_QUOTACTL) },
		"syslog":                       func() error { return second(unix.Klogctl(3, make([]byte, 8))) },
		"sethostname":                  func() error { return unix.Sethostname([]byte("other")) },
		"open_by_handle_at":            func() error { return call(unix.SYS_OPEN_BY_HANDLE_AT) },
		"personality with hidden bits": func() error { return call(unix.SYS_PERSONALITY, 56<<32|0x0040000) },
		"write oom_score_adj of PID 1": func() error { return write("/proc/1/oom_score_adj") },
		"write mem of PID 1":           func() error { return write("/proc/1/mem") },
		"write hostname sysctl":        func() error { return write("/proc/sys/kernel/hostname") },
		"write core_pattern":           func() error { return write("/proc/sys/kernel/core_pattern") },
		"write ip_forward":             func() error { return write("/proc/sys/net/ipv4/ip_forward") },
		"write sysrq-trigger":          func() error { return write("/proc/sysrq-trigger") },
		"write lo mtu":                 func() error { return write("/sys/class/net/lo/mtu") },
		"write trusted xattr":          func() error { return unix.Setxattr("/tmp", "trusted.overlay.opaque", []byte("y"), 0) },
		"raw socket":                   func() error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
		"ping socket":                  func() error { return socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP) },
		"tcp socket":                   func() error { return socket(unix.AF_INET, unix.SOCK_STREAM, 0) },
		"packet socket":                func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
		"vsock socket":                 func() error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) },
		"alg socket":                   func() error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0) },
		"route netlink":                func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE) },
		"audit netlink":                func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT) },
		"chroot":                       func() error { return chroot() },
		"chown":                        func() error { return unix.Chown("/tmp", 1000, 1000) },
		"chown outside the range":      func() error { return unix.Chown("/tmp", 70000, 70000) },
		"set file capabilities":        func() error { return setFileCapability() },
		"open a terminal":              func() error { return read1("/dev/ptmx") },
	}
	for name, flag := range map[string]int{
		"USER": unix.CLONE_NEWUSER, "NS": unix.CLONE_NEWNS, "NET": unix.CLONE_NEWNET, "PID": unix.CLONE_NEWPID,
		"UTS": unix.CLONE_NEWUTS, "IPC": unix.CLONE_NEWIPC, "CGROUP": unix.CLONE_NEWCGROUP, "TIME": unix.CLONE_NEWTIME,
	} {
		t["unshare "+name] = func() error { return unix.Unshare(flag) }
	}
	for _, name := range []string{"environ", "maps", "mem", "auxv"} {
		t["read "+name+" of PID 1"] = func() error { return read1("/proc/1/" + name) }
	}
	t["exe of PID 1"] = func() error { return second(os.Readlink("/proc/1/exe")) }
	t["fds of PID 1"] = func() error { return second(os.ReadDir("/proc/1/fd")) }
	t["root of PID 1"] = func() error { return second(os.Readlink("/proc/1/root")) }
	t["vm of PID 1"] = func() error {
		buf := make([]byte, 8)
		local := []unix.Iovec{{Base: &buf[0], Len: 8}}
		_, err := unix.ProcessVMReadv(1, local, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
		return err
	}
	return t
}

func second[T any](_ T, err error) error { return err }

// call makes a system call; a child that should not be ends at once.
func call(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	r, _, number := unix.RawSyscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if (nr == unix.SYS_CLONE || nr == unix.SYS_CLONE3) && number == 0 && r == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	if number != 0 {
		return number
	}
	return nil
}

func setns(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWNET)
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// write opens for writing and writes back what is there, or a zero.
func write(path string) error {
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		content = []byte("0")
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(content)
	return err
}

func read1(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func chroot() error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	return unix.Chroot("/tmp")
}

// setFileCapability gives a file cap_net_raw: layout of struct vfs_cap_data, capability.h.
func setFileCapability() error {
	if err := os.WriteFile("/tmp/capable", nil, 0o755); err != nil {
		return err
	}
	data := [5]uint32{0x02000001, 1 << unix.CAP_NET_RAW, 0, 0, 0}
	return unix.Setxattr("/tmp/capable", "security.capability", unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), len(data)*4), 0)
}
