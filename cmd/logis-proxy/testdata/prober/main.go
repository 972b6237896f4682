// Command prober takes the place of logis-proxy on disk, so that a confined logis-proxy starts it as its successor: what it can
// do, an attacker who took that process over can.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mode is set by the linker: "try", "sleep" or "exit".
var mode = "try"

func main() {
	switch mode {
	case "exit":
		os.Exit(7)
	case "sleep":
		fmt.Fprintln(os.Stderr, "successor", os.Getpid(), "starts")
		time.Sleep(time.Minute) //nolint:forbidigo // it is killed
		return
	}
	runtime.LockOSThread()
	own := filepath.Dir(os.Args[2]) // --config FILE
	state := filepath.Join(own, "state/proxy")
	for _, a := range attempts(own, state) {
		err := a.try()
		if errno, ok := err.(syscall.Errno); ok {
			fmt.Fprintf(os.Stderr, "attempt %s: %s\n", a.what, unix.ErrnoName(errno))
			continue
		}
		fmt.Fprintf(os.Stderr, "attempt %s: %v\n", a.what, err)
	}
	fmt.Fprintln(os.Stderr, "attempts end")
}

type attempt struct {
	what string
	try  func() error
}

func attempts(own, state string) []attempt {
	open := func(path string, flags int) func() error {
		return func() error {
			fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
			if err == nil {
				unix.Close(fd)
			}
			return err
		}
	}
	socket := func(family, kind, protocol int) func() error {
		return func() error {
			fd, err := unix.Socket(family, kind, protocol)
			if err == nil {
				unix.Close(fd)
			}
			return err
		}
	}
	execute := func(path string) func() error {
		return func() error { return unix.Exec(path, []string{path, "-c", "true"}, nil) }
	}
	call := func(number uintptr, args ...uintptr) func() error {
		return func() error {
			args = append(args, 0, 0, 0, 0, 0, 0)
			if _, _, errno := unix.RawSyscall6(number, args[0], args[1], args[2], args[3], args[4], args[5]); errno != 0 {
				return errno
			}
			return nil
		}
	}
	kept := filepath.Join(state, "routes.json")
	name := func(s string) uintptr { p, _ := unix.BytePtrFromString(s); return uintptr(unsafe.Pointer(p)) }
	return []attempt{
		{"read /etc/passwd", open("/etc/passwd", unix.O_RDONLY)},
		{"list /", open("/", unix.O_RDONLY|unix.O_DIRECTORY)},
		{"list /home", open("/home", unix.O_RDONLY|unix.O_DIRECTORY)},
		{"read /proc/self/environ", open("/proc/self/environ", unix.O_RDONLY)},
		{"read /proc/self/mem", open("/proc/self/mem", unix.O_RDWR)},
		{"read /dev/urandom", open("/dev/urandom", unix.O_RDONLY)},
		{"write /tmp", open("/tmp/logis-prober", unix.O_WRONLY|unix.O_CREAT)},
		{"write /dev/shm", open("/dev/shm/logis-prober", unix.O_WRONLY|unix.O_CREAT)},
		{"write its configuration", open(os.Args[2], unix.O_WRONLY)},
		{"write its program", open(filepath.Join(own, "logis-proxy"), unix.O_WRONLY)},
		{"write beside its state", open(filepath.Join(own, "world", "x"), unix.O_WRONLY|unix.O_CREAT)},
		{"link out of its state", func() error { return unix.Linkat(unix.AT_FDCWD, kept, unix.AT_FDCWD, filepath.Join(own, "world/x"), 0) }},
		{"rename out of its state", func() error { return unix.Rename(kept, filepath.Join(own, "world/x")) }},
		{"make a link", func() error { return unix.Symlink("/etc/passwd", filepath.Join(state, "x")) }},
		{"make a directory", func() error { return unix.Mkdir(filepath.Join(state, "x"), 0o700) }},
		{"make a fifo", func() error { return unix.Mkfifo(filepath.Join(state, "x"), 0o600) }},
		{"change a mode", func() error { return unix.Chmod(kept, 0o666) }},
		{"change an owner", func() error { return unix.Chown(kept, -1, -1) }},
		{"execute /bin/sh", execute("/bin/sh")},
		{"execute what it wrote", execute(kept)},
		{"ptrace", call(unix.SYS_PTRACE, unix.PTRACE_TRACEME)},
		{"read another's memory", call(unix.SYS_PROCESS_VM_READV, uintptr(os.Getppid()))},
		{"take another's descriptor", call(unix.SYS_PIDFD_GETFD, 0, 0)},
		{"mount", func() error { return unix.Mount("none", state, "tmpfs", 0, "") }},
		{"mount, the new way", call(unix.SYS_FSOPEN, name("tmpfs"))},
		{"new user namespace", func() error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{"clone into namespaces", call(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD))},
		{"clone3", call(unix.SYS_CLONE3, 0, 0)},
		{"setns", call(unix.SYS_SETNS, 0, 0)},
		{"chroot", func() error { return unix.Chroot(state) }},
		{"become root", call(unix.SYS_SETRESUID, 0, 0, 0)},
		{"bpf", call(unix.SYS_BPF)},
		{"io_uring", call(unix.SYS_IO_URING_SETUP, 1)},
		{"userfaultfd", call(unix.SYS_USERFAULTFD)},
		{"keys", call(unix.SYS_KEYCTL)},
		{"perf", call(unix.SYS_PERF_EVENT_OPEN)},
		{"memfd", call(unix.SYS_MEMFD_CREATE, name("x"))},
		{"watch files", call(unix.SYS_INOTIFY_INIT1)},
		{"limits of another", call(unix.SYS_PRLIMIT64, uintptr(os.Getppid()), unix.RLIMIT_NOFILE)},
		{"terminal", call(unix.SYS_IOCTL, 0, unix.TIOCSTI, name("x"))},
		{"netlink", socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)},
		{"packet", socket(unix.AF_PACKET, unix.SOCK_RAW, 0)},
		{"raw IP", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{"ping", socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)},
		{"SCTP", socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP)},
		{"vsock", socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)},
		{"AF_ALG", socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0)},
		{"another landlock", call(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)},
		{"another filter", call(unix.SYS_SECCOMP, 0)},
		// What a proxy does must go on.
		{"may read its configuration", open(os.Args[2], unix.O_RDONLY)},
		{"may read its routes", open(kept, unix.O_RDONLY)},
		{"may write its state", open(filepath.Join(state, "y"), unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)},
		{"may rename in its state", func() error { return unix.Rename(filepath.Join(state, "y"), filepath.Join(state, "z")) }},
		{"may remove in its state", func() error { return unix.Unlink(filepath.Join(state, "z")) }},
		{"may open TCP", socket(unix.AF_INET6, unix.SOCK_STREAM, 0)},
		{"may speak with logisd", socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)},
	}
}
