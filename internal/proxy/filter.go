package proxy

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The question by which a process learns whether the filter is around it: a prctl(2) that no kernel knows, to which the filter
// gives an answer that no kernel gives.
const (
	fenceQuestion = 0x6c6f6769 // "logi"
	fenceAnswer   = unix.EUCLEAN
)

func fenced() bool { return errors.Is(unix.Prctl(fenceQuestion, 0, 0, 0, 0), fenceAnswer) }

// condition is one of several, any of which lets a system call pass: argument, taken with mask, is one of values.
type condition struct {
	argument uint32
	mask     uint32
	values   []uint32
}

const (
	all32      = ^uint32(0)
	socketType = all32 &^ (unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK)
	namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
		unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME
)

// allowed are the system calls of a Go program that serves and keeps a few files, and starts its successor. Names that an
// architecture does not have are passed over.
var allowed = []string{
	// memory, threads, signals, time
	"mmap", "munmap", "mprotect", "madvise", "mincore", "brk", "futex", "sched_yield", "sched_getaffinity", "gettid", "getpid",
	"getppid", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "tgkill", "restart_syscall", "nanosleep",
	"clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time", "getrandom", "uname", "arch_prctl",
	"exit", "exit_group", "getuid", "geteuid", "getgid", "getegid", "getcwd", "capget",
	// descriptors
	"read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "close", "fcntl", "dup", "dup3", "pipe2", "eventfd2",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "splice", "fsync", "ftruncate", "fstat", "fchmod",
	// files: which ones is landlock's to say
	"openat", "newfstatat", "fstatat64", "statx", "readlinkat", "getdents64", "renameat", "renameat2", "unlinkat", "mkdirat",
	// connections
	"bind", "listen", "accept4", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "shutdown",
	"sendto", "recvfrom", "sendmsg", "recvmsg",
	// the successor
	"execve", "wait4", "waitid", "pidfd_open", "pidfd_send_signal", "kill",
}

// conditional are those that pass with some arguments only: all conditions of one must hold.
var conditional = map[string][]condition{
	"clone":     {{0, namespaces, []uint32{0}}},
	"prlimit64": {{0, all32, []uint32{0}}},
	"prctl":     {{0, all32, []uint32{unix.PR_SET_NO_NEW_PRIVS, unix.PR_SET_DUMPABLE, unix.PR_SET_VMA}}},
	"socket": {
		{0, all32, []uint32{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6}},
		{1, socketType, []uint32{unix.SOCK_STREAM, unix.SOCK_DGRAM}},
		{2, all32, []uint32{0, unix.IPPROTO_TCP}},
	},
}

// filter returns the program. What is not allowed gives EPERM, as in the unit: an attacker learns nothing from it, and a
// mistake in the list ends no visitor's connection. clone3 and other architectures' numbers are refused too.
func filter() ([]bpf.RawInstruction, error) {
	native, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("look up architecture: %w", err)
	}
	const (
		offNumber, offArch, offArguments = 0, 4, 16 // struct seccomp_data, little endian
		x32                              = 0x40000000
	)
	refuse := bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}
	allow := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(native.ID), SkipTrue: 1},
		refuse,
		bpf.LoadAbsolute{Off: offNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32, SkipTrue: 1},
		refuse,
	}
	if number, ok := native.SyscallNames["prctl"]; ok {
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: 4},
			bpf.LoadAbsolute{Off: offArguments, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: fenceQuestion, SkipTrue: 1},
			bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(fenceAnswer)},
			bpf.LoadAbsolute{Off: offNumber, Size: 4},
		)
	}
	for _, name := range allowed {
		if number, ok := native.SyscallNames[name]; ok {
			program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: 1}, allow)
		}
	}
	for name, conditions := range conditional {
		number, ok := native.SyscallNames[name]
		if !ok {
			continue
		}
		var test []bpf.Instruction
		for _, c := range conditions {
			test = append(test, bpf.LoadAbsolute{Off: offArguments + 8*c.argument, Size: 4},
				bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: c.mask})
			for i, value := range c.values {
				test = append(test, bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: uint8(len(c.values) - i)})
			}
			test = append(test, refuse)
		}
		test = append(test, allow)
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: uint8(len(test))})
		program = append(program, test...)
	}
	raw, err := bpf.Assemble(append(program, refuse))
	if err != nil {
		return nil, fmt.Errorf("encode seccomp program: %w", err)
	}
	return raw, nil
}

// loadFilter puts the filter around every thread.
func loadFilter() error {
	raw, err := filter()
	if err != nil {
		return err
	}
	program := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		program[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return errno
	}
	if thread != 0 {
		return fmt.Errorf("thread %d has a filter of its own", thread)
	}
	return nil
}
