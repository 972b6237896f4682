package probe

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// powers are attempts at what a capability that a site lacks would allow, beside the calls that the filter refuses anyway.
func powers() []Attempt {
	return group("acts that need a dropped capability", "EPERM",
		plain("net_admin: set the MTU of lo", func() error { return interfaceFlag(unix.SIOCSIFMTU, 1400) }),
		plain("net_admin: take lo down", func() error { return interfaceFlag(unix.SIOCSIFFLAGS, 0) }),
		plain("net_admin: set a MAC address", func() error { return interfaceFlag(unix.SIOCSIFHWADDR, unix.ARPHRD_LOOPBACK) }),
		plain("net_admin: add an address", addAddress),
		plain("net_admin: listen on every address", func() error { return option(unix.SOL_IP, unix.IP_TRANSPARENT) }),
		plain("net_admin: mark packets", func() error { return option(unix.SOL_SOCKET, unix.SO_MARK) }),
		plain("net_admin: force a larger buffer", func() error { return option(unix.SOL_SOCKET, unix.SO_RCVBUFFORCE) }),
		plain("net_admin: debug a socket", func() error { return option(unix.SOL_SOCKET, unix.SO_DEBUG) }, "EACCES"),
		plain("sys_nice: lower the nice value", func() error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -20) }, "EACCES", "EPERM"),
		plain("sys_nice: run in real time", realTime),
		plain("sys_nice: disk I/O in real time", func() error {
			return call(unix.SYS_IOPRIO_SET, 1 /* IOPRIO_WHO_PROCESS */, 0, 1<<13 /* IOPRIO_CLASS_RT */)
		}),
		plain("sys_resource: raise the limit of open files", func() error { return raiseLimit(unix.RLIMIT_NOFILE) }),
		plain("sys_resource: raise the limit of processes", func() error { return raiseLimit(unix.RLIMIT_NPROC) }),
		plain("sys_resource: lock more memory", func() error { return raiseLimit(unix.RLIMIT_MEMLOCK) }),
		plain("sys_resource: be spared by the OOM killer", func() error { return os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0) }, "EACCES", "EPERM"),
		plain("sys_resource: a larger pipe than users may have", func() error {
			var fds [2]int
			if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
				return fault{err}
			}
			defer unix.Close(fds[0])
			defer unix.Close(fds[1])
			return second(unix.FcntlInt(uintptr(fds[0]), unix.F_SETPIPE_SZ, 1<<28))
		}),
		plain("sys_time: set the clock by adjtimex", func() error {
			return second(unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_SETOFFSET, Time: unix.Timeval{Sec: 1}}))
		}),
		plain("sys_time: clock_adjtime", func() error {
			return second(unix.ClockAdjtime(unix.CLOCK_REALTIME, &unix.Timex{Modes: unix.ADJ_FREQUENCY, Freq: 1}))
		}),
		plain("wake_alarm: a timer that wakes the machine", func() error {
			fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME_ALARM, unix.TFD_CLOEXEC)
			if err == nil {
				unix.Close(fd)
			}
			return err
		}),
		plain("linux_immutable: an immutable file", immutable),
		plain("lease: a lease on a file of another user's", lease, "EACCES"),
		plain("sys_admin: trusted attribute", func() error { return unix.Setxattr("/tmp", "trusted.overlay.opaque", []byte("y"), 0) }),
		plain("setfcap: capabilities of a file", setFileCapability, "EPERM", "EACCES"),
		plain("checkpoint_restore: choose the next PID", func() error {
			return os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte("1000"), 0)
		}, refusedFile()...),
		plain("sys_resource: another memory map", func() error { return unix.Prctl(unix.PR_SET_MM, unix.PR_SET_MM_BRK, 0, 0, 0) }),
	)
}

// interfaceRequest is struct ifreq with an int in its union: netdevice(7).
type interfaceRequest struct {
	name  [unix.IFNAMSIZ]byte
	value int32
	_     [20]byte
}

func interfaceFlag(request uintptr, value int32) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fault{err}
	}
	defer unix.Close(fd)
	r := interfaceRequest{value: value}
	copy(r.name[:], "lo")
	return ioctl(fd, request, unsafe.Pointer(&r))
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	_, _, number := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	if number != 0 {
		return number
	}
	return nil
}

func option(level, name int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fault{err}
	}
	defer unix.Close(fd)
	return unix.SetsockoptInt(fd, level, name, 1)
}

func realTime() error {
	priority := struct{ priority int32 }{1}
	_, _, number := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, 0, 1 /* SCHED_FIFO */, uintptr(unsafe.Pointer(&priority)))
	if number != 0 {
		return number
	}
	return nil
}

// raiseLimit asks for one more than the hard limit.
func raiseLimit(resource int) error {
	var limit unix.Rlimit
	if err := unix.Prlimit(0, resource, nil, &limit); err != nil {
		return fault{err}
	}
	if limit.Max == unix.RLIM_INFINITY {
		return lacks("the limit is none; the site's own holds")
	}
	limit.Max++
	return unix.Prlimit(0, resource, &limit, nil)
}

// immutable sets FS_IMMUTABLE_FL: ioctl_iflags(2).
func immutable() error {
	f, err := os.CreateTemp("", "probe")
	if err != nil {
		return fault{err}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0x10 /* FS_IMMUTABLE_FL */)
}

// lease takes a read lease on a file whose owner is another: fcntl(2).
func lease() error {
	f, err := os.CreateTemp("", "probe")
	if err != nil {
		return fault{err}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := f.Chown(1, 1); err != nil {
		return fault{err}
	}
	readable, err := os.Open(f.Name())
	if err != nil {
		return fault{err}
	}
	defer readable.Close()
	f.Close()
	return second(unix.FcntlInt(readable.Fd(), unix.F_SETLEASE, unix.F_RDLCK))
}

// addAddress asks rtnetlink(7) for one more address on lo.
func addAddress() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fault{err}
	}
	defer unix.Close(fd)
	request := struct {
		header  unix.NlMsghdr
		address unix.IfAddrmsg
		attr    unix.RtAttr
		value   [4]byte
	}{
		header: unix.NlMsghdr{
			Type: unix.RTM_NEWADDR, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK | unix.NLM_F_CREATE,
		},
		address: unix.IfAddrmsg{Family: unix.AF_INET, Prefixlen: 32, Index: 1},
		attr:    unix.RtAttr{Len: 8, Type: unix.IFA_LOCAL}, value: [4]byte{127, 9, 9, 9},
	}
	request.header.Len = uint32(unsafe.Sizeof(request))
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&request)), unsafe.Sizeof(request))
	if err := unix.Sendto(fd, raw, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return fault{err}
	}
	if n < unix.SizeofNlMsghdr+4 {
		return said("a short answer")
	}
	if number := -*(*int32)(unsafe.Pointer(&answer[unix.SizeofNlMsghdr])); number > 0 {
		return unix.Errno(number)
	}
	return nil
}
