package container

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	allowed = 0x7fff0000 // SECCOMP_RET_ALLOW
	refused = 0x00050000 // SECCOMP_RET_ERRNO, with the error number
	amd64   = 0xc000003e // AUDIT_ARCH_X86_64
	i386    = 0x40000003 // AUDIT_ARCH_I386
)

// filter runs the program on one system call: struct seccomp_data, seccomp(2).
type filter struct{ vm *bpf.VM }

func newFilter(t *testing.T) filter {
	t.Helper()
	program, err := compileFilter(keptNames())
	if err != nil {
		t.Fatal(err)
	}
	if len(program) == 0 || len(program)%8 != 0 || len(program)/8 > 4096 {
		t.Fatalf("program of %d bytes; the kernel takes 4,096 instructions", len(program))
	}
	var raw []bpf.RawInstruction
	for in := range slices.Chunk(program, 8) {
		raw = append(raw, bpf.RawInstruction{
			Op: binary.LittleEndian.Uint16(in), Jt: in[2], Jf: in[3], K: binary.LittleEndian.Uint32(in[4:]),
		})
	}
	instructions, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the program has an instruction that is none")
	}
	vm, err := bpf.NewVM(instructions)
	if err != nil {
		t.Fatal(err)
	}
	return filter{vm}
}

func (f filter) run(t *testing.T, machine, nr uint32, args ...uint64) uint32 {
	t.Helper()
	// The machine of package bpf reads packets, so big endian; the kernel's reads its own memory.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data, nr)
	binary.BigEndian.PutUint32(data[4:], machine)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[16+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[20+8*i:], uint32(a>>32))
	}
	action, err := f.vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(action)
}

func TestFilterLooksAtArguments(t *testing.T) {
	f := newFilter(t)
	const eperm, enosys = refused | uint32(unix.EPERM), refused | uint32(unix.ENOSYS)
	const personalityHigh = 1 << 32
	for _, c := range []struct {
		name    string
		machine uint32
		nr      uint32
		args    []uint64
		want    uint32
	}{
		{"socket unix", amd64, unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, allowed},
		{"socket inet", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, 0}, allowed},
		{"socket inet tcp", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_TCP}, allowed},
		{"socket inet udp", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDP}, allowed},
		{"socket ping", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP}, allowed},
		{"socket ping6", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_ICMPV6}, allowed},
		{"socket inet6 tcp", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_TCP}, allowed},
		{"socket inet protocol 9", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_RAW, unix.NETLINK_AUDIT}, eperm},
		{"socket sctp", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP}, eperm},
		{"socket dccp", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_DCCP, unix.IPPROTO_DCCP}, eperm},
		{"socket mptcp", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, eperm},
		{"socket raw ip", amd64, unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW}, eperm},
		{"socket netlink route", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, allowed},
		{"socket netlink diag", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_SOCK_DIAG}, allowed},
		{"socket netlink netfilter", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, eperm},
		{"socket netlink generic", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_GENERIC}, eperm},
		{"socket netlink xfrm", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_XFRM}, eperm},
		{"socket netlink uevent", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT}, eperm},
		{"socket netlink audit", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT}, refused | uint32(unix.EPROTONOSUPPORT)},
		{"socket netlink high bits", amd64, unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, 1<<32 | unix.NETLINK_NETFILTER}, eperm},
		{"socket alg", amd64, unix.SYS_SOCKET, []uint64{unix.AF_ALG}, eperm},
		{"socket vsock", amd64, unix.SYS_SOCKET, []uint64{unix.AF_VSOCK}, eperm},
		{"socket with high bits", amd64, unix.SYS_SOCKET, []uint64{1<<32 | unix.AF_VSOCK}, eperm},
		{"socket with high bits, allowed below", amd64, unix.SYS_SOCKET, []uint64{1<<32 | unix.AF_UNIX}, eperm},
		{"socket like an allowed call", amd64, unix.SYS_SOCKET, []uint64{unix.SYS_FUTEX}, eperm},
		{"socket that hides one", amd64, unix.SYS_SOCKET, []uint64{unix.SYS_READ << 32}, eperm},
		{"socketpair unix", amd64, unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX}, allowed},
		{"socketpair tipc", amd64, unix.SYS_SOCKETPAIR, []uint64{unix.AF_TIPC}, eperm},
		{"setrlimit core", amd64, unix.SYS_SETRLIMIT, []uint64{unix.RLIMIT_CORE, 1}, refused},
		{"setrlimit core with high bits", amd64, unix.SYS_SETRLIMIT, []uint64{1<<32 | unix.RLIMIT_CORE, 1}, eperm},
		{"setrlimit nofile", amd64, unix.SYS_SETRLIMIT, []uint64{unix.RLIMIT_NOFILE, 1}, allowed},
		{"setrlimit stack", amd64, unix.SYS_SETRLIMIT, []uint64{unix.RLIMIT_STACK, 1}, allowed},
		{"prlimit core", amd64, unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 1, 0}, refused},
		{"prlimit core and read", amd64, unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 1, 1}, eperm},
		{"prlimit read core", amd64, unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 0, 1}, allowed},
		{"prlimit core with high bits", amd64, unix.SYS_PRLIMIT64, []uint64{0, 1<<32 | unix.RLIMIT_CORE, 1, 0}, eperm},
		{"prlimit nofile", amd64, unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_NOFILE, 1, 0}, allowed},
		{"clone of a process", amd64, unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, allowed},
		{"clone of a thread", amd64, unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allowed},
		{"clone NEWUSER", amd64, unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, eperm},
		{"clone NEWNS", amd64, unix.SYS_CLONE, []uint64{unix.CLONE_NEWNS}, eperm},
		{"clone NEWCGROUP", amd64, unix.SYS_CLONE, []uint64{unix.CLONE_NEWCGROUP}, eperm},
		{"clone NEWNET", amd64, unix.SYS_CLONE, []uint64{unix.CLONE_NEWNET}, eperm},
		{"clone NEWPID", amd64, unix.SYS_CLONE, []uint64{unix.CLONE_NEWPID}, eperm},
		{"clone3", amd64, unix.SYS_CLONE3, nil, enosys},
		{"personality linux", amd64, unix.SYS_PERSONALITY, []uint64{0}, allowed},
		{"personality query", amd64, unix.SYS_PERSONALITY, []uint64{0xffffffff}, allowed},
		{"personality no randomisation", amd64, unix.SYS_PERSONALITY, []uint64{0x0040000}, eperm},
		{"personality that hides clone", amd64, unix.SYS_PERSONALITY, []uint64{unix.SYS_CLONE*personalityHigh | 0x0040000}, eperm},
		{"arch_prctl", amd64, unix.SYS_ARCH_PRCTL, []uint64{0x1002}, allowed},
		{"unshare", amd64, unix.SYS_UNSHARE, []uint64{unix.CLONE_NEWUSER}, eperm},
		{"setns", amd64, unix.SYS_SETNS, nil, eperm},
		{"mount", amd64, unix.SYS_MOUNT, nil, eperm},
		{"bpf", amd64, unix.SYS_BPF, nil, eperm},
		{"keyctl", amd64, unix.SYS_KEYCTL, nil, eperm},
		{"io_uring_setup", amd64, unix.SYS_IO_URING_SETUP, nil, eperm},
		{"execveat", amd64, unix.SYS_EXECVEAT, nil, allowed}, // the way to PID 1
		{"no such call", amd64, 9999, nil, eperm},
		{"x32 read", amd64, 0x40000000, nil, enosys},
		{"x32 execve", amd64, 0x40000000 | 520, nil, enosys},
		{"number -1", amd64, 0xffffffff, nil, enosys},
		{"i386 exit", i386, 1, nil, eperm},
		{"i386 with amd64's read", i386, unix.SYS_READ, nil, eperm},
		{"aarch64", 0xc00000b7, 63, nil, eperm},
	} {
		if got := f.run(t, c.machine, c.nr, c.args...); got != c.want {
			t.Errorf("%s gives %#x, want %#x", c.name, got, c.want)
		}
	}
}

// Every call of the table gives what the profile says of its name, read here in another way; those with conditions are
// above.
func TestFilterIsTheProfile(t *testing.T) {
	f := newFilter(t)
	native, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	profile, err := seccomp.GetDefaultProfile(&specs.Spec{
		Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: keptNames()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want, conditional := map[string]uint32{}, map[string]bool{}
	for _, rule := range profile.Syscalls {
		for _, name := range rule.Names {
			switch {
			case len(rule.Args) > 0:
				conditional[name] = true
			case rule.Action == specs.ActAllow:
				want[name] = allowed
			case rule.Action == specs.ActErrno && rule.ErrnoRet != nil:
				want[name] = refused | uint32(*rule.ErrnoRet)
			}
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(conditional)), []string{"clone", "personality", "socket"}) {
		t.Errorf("the profile has conditions on %v: the table above does not", slices.Sorted(maps.Keys(conditional)))
	}
	for _, name := range ownRules() {
		conditional[name] = true
	}
	checked := 0
	for nr, name := range native.SyscallNumbers {
		if conditional[name] {
			continue
		}
		expected, ok := want[name]
		if !ok {
			expected = refused | uint32(unix.EPERM)
		}
		for _, arg := range []uint64{0, 1, 1<<64 - 1} {
			if got := f.run(t, amd64, uint32(nr), arg, arg, arg, arg, arg, arg); got != expected {
				t.Errorf("%s(%#x, …) gives %#x, want %#x", name, arg, got, expected)
			}
		}
		if expected == allowed {
			checked++
		}
	}
	if checked < 250 {
		t.Errorf("only %d calls are allowed", checked)
	}
}

// TestFilterForbids names what no site may call, whatever the profile comes to say of it.
func TestFilterForbids(t *testing.T) {
	f := newFilter(t)
	native, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"io_uring_setup", "io_uring_enter", "io_uring_register", "bpf", "userfaultfd", "keyctl", "add_key", "request_key",
		"perf_event_open", "unshare", "setns", "mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "fsconfig",
		"fsmount", "fspick", "mount_setattr", "open_by_handle_at", "init_module", "finit_module", "delete_module", "kexec_load",
		"kexec_file_load", "reboot", "swapon", "swapoff", "syslog", "quotactl", "acct", "settimeofday", "clock_settime",
		"sethostname", "setdomainname", "iopl", "ioperm", "lookup_dcookie", "fanotify_init", "nfsservctl",
		"vhangup", "mbind", "migrate_pages", "move_pages", "set_mempolicy", "get_mempolicy", "kcmp", "_sysctl",
		"sysfs", "uselib", "ustat", "create_module", "get_kernel_syms", "query_module", "vserver",
	} {
		nr, known := native.SyscallNames[name]
		if !known {
			continue // not a call of this architecture's
		}
		if got := f.run(t, amd64, uint32(nr), 0, 0, 0, 0, 0, 0); got != refused|uint32(unix.EPERM) {
			t.Errorf("%s gives %#x, want EPERM", name, got)
		}
	}
}

func TestTranslateRefusesWhatItDoesNotKnow(t *testing.T) {
	native, err := arch.GetInfo("")
	if err != nil {
		t.Fatal(err)
	}
	for want, rule := range map[string]specs.LinuxSyscall{
		"SCMP_ACT_KILL":      {Names: []string{"read"}, Action: specs.ActKill},
		"SCMP_ACT_NOTIFY":    {Names: []string{"read"}, Action: specs.ActNotify},
		"SCMP_ACT_ERRNO":     {Names: []string{"read"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo}}},
		"SCMP_CMP_GT":        {Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: specs.OpGreaterThan}}},
		"SCMP_CMP_MASKED_EQ": {Names: []string{"read"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: specs.OpMaskedEqual, Value: 3, ValueTwo: 1}}},
	} {
		_, err := translate(&specs.LinuxSeccomp{Syscalls: []specs.LinuxSyscall{rule}}, native)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "read") {
			t.Errorf("rule with %s: %v", want, err)
		}
	}
}
