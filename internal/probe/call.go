package probe

import (
	"fmt"
	"runtime"

	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// Forbidden names the system calls that no site has: the calls of the kernel without those of a web server, a shell and apt. A
// test of package container holds the filter to it.
func Forbidden() []string {
	return []string{
		"_sysctl", "acct", "add_key", "afs_syscall", "bpf", "clock_settime", "create_module", "delete_module", "fanotify_init",
		"finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms", "get_mempolicy", "getpmsg", "init_module",
		"io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
		"lookup_dcookie", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mbind", "migrate_pages", "mount",
		"mount_setattr", "move_mount", "move_pages", "nfsservctl", "open_by_handle_at", "open_tree", "open_tree_attr",
		"perf_event_open", "pidfd_getfd", "pivot_root", "process_madvise", "putpmsg", "query_module", "quotactl", "quotactl_fd",
		"reboot", "request_key", "security", "set_mempolicy", "set_mempolicy_home_node", "setdomainname", "sethostname", "setns",
		"settimeofday", "swapoff", "swapon", "sysfs", "syslog", "tuxcall", "umount2", "unshare", "uselib", "userfaultfd", "ustat",
		"vhangup", "vserver",
	}
}

// lastNumber is beyond every system call of this kernel and the next ones.
const lastNumber = 1023

// calls are attempts at every system call that a site does not have, with arguments that would do nothing.
func calls() []Attempt {
	var tries []Attempt
	native, err := arch.GetInfo("")
	for _, name := range Forbidden() {
		tries = append(tries, plain(name, func() error {
			if err != nil {
				return fault{err}
			}
			nr, known := native.SyscallNames[name]
			if !known {
				return lacks("not a system call of " + native.Name)
			}
			return forked(uintptr(nr), ^uintptr(0))
		}))
	}
	return group("system calls", "EPERM", append(tries,
		plain("clone3", func() error { return forked(unix.SYS_CLONE3, ^uintptr(0)) }, "ENOSYS"),
		Attempt{Name: fmt.Sprintf("numbers to %d that no call has", lastNumber), Do: func(Scene) error {
			if err != nil {
				return fault{err}
			}
			return numbers(func(nr int) bool { return native.SyscallNumbers[nr] == "" && !passes(nr) }, func(nr int) error {
				return forked(uintptr(nr), ^uintptr(0))
			})
		}},
		plain("uprobe and uretprobe, which pass every filter", func() error {
			return numbers(passes, func(nr int) error { return forked(uintptr(nr), ^uintptr(0)) })
		}, "EPERM", "ENOSYS", "ENXIO", "killed by SIGILL"),
		plain(fmt.Sprintf("x32, numbers to %d", lastNumber), x32, "ENOSYS"),
		// A kernel without that gate ends the process instead.
		plain(fmt.Sprintf("i386, numbers to %d", lastNumber), i386, "EPERM", "killed by SIGSEGV"),
		plain("personality: no randomisation", func() error { return call(unix.SYS_PERSONALITY, 0x0040000) }),
		plain("personality: memory at page zero", func() error { return call(unix.SYS_PERSONALITY, 0x0100000) }),
		plain("personality: hidden bits", func() error { return call(unix.SYS_PERSONALITY, 56<<32|0x0040000) }),
	)...)
}

// passes tells of the two calls that the kernel takes past seccomp since Linux 6.14 and 6.18: only its own trampolines get
// anything done with them (arch/x86/kernel/uprobes.c).
func passes(nr int) bool { return runtime.GOARCH == "amd64" && (nr == 335 || nr == 336) }

// numbers tries many system calls, and joins what came of them; that of all is hoped to be one.
func numbers(which func(int) bool, try func(int) error) error {
	seen := several{}
	for nr := range lastNumber + 1 {
		if which(nr) {
			seen.add(try(nr))
		}
	}
	return seen.all("there is no such number")
}

// x32Bit marks the numbers of x32 on amd64, which have rules of their own in no filter.
const x32Bit = 0x40000000

func x32() error {
	if runtime.GOARCH != "amd64" {
		return lacks("only amd64 has x32")
	}
	return numbers(func(int) bool { return true }, func(nr int) error { return forked(uintptr(x32Bit|nr), ^uintptr(0)) })
}

func i386() error {
	if runtime.GOARCH != "amd64" {
		return lacks("only amd64 has the gate of i386")
	}
	return numbers(func(int) bool { return true }, func(nr int) error { return forkedI386(uint32(nr)) })
}
