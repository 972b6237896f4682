package container

import (
	libseccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// ownRules are names that moby's list is not asked about: it refuses three families of sockets and lets forty pass, each with a
// kernel module that a call loads.
func ownRules() []string { return []string{"socket", "socketpair", "setrlimit", "prlimit64"} }

// sockets allows the families and protocols that a site's programs use. An argument with higher bits set equals none of
// them, though the kernel would look at the lower ones alone.
func sockets() []libseccomp.SyscallGroup {
	of := func(family uint64, protocols ...uint64) (all []libseccomp.NameWithConditions) {
		for _, p := range protocols {
			all = append(all, when("socket", equal(0, family), equal(2, p)))
		}
		return all
	}
	allowed := []libseccomp.NameWithConditions{when("socket", equal(0, unix.AF_UNIX))}
	allowed = append(allowed, of(unix.AF_INET, unix.IPPROTO_IP, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP)...)
	allowed = append(allowed, of(unix.AF_INET6, unix.IPPROTO_IP, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMPV6)...)
	allowed = append(allowed, of(unix.AF_NETLINK, unix.NETLINK_ROUTE, unix.NETLINK_SOCK_DIAG)...)
	return []libseccomp.SyscallGroup{
		group(libseccomp.ActionAllow, allowed...),
		group(libseccomp.ActionAllow, when("socketpair", equal(0, unix.AF_UNIX))),
		// As a kernel without audit says. With EPERM Debian's sshd takes the audit system for broken and ends every login.
		group(libseccomp.ActionErrno|libseccomp.Action(unix.EPROTONOSUPPORT),
			when("socket", equal(0, unix.AF_NETLINK), equal(2, unix.NETLINK_AUDIT))),
	}
}

// coreLimit keeps RLIMIT_CORE at what entry has set, 1: with any other soft limit, 0 too, a crash runs the program that a
// piped core_pattern of the host names, as root of the host (core(5)). To change it does nothing and says yes, for sudo and
// sshd complain of a no.
func coreLimit() []libseccomp.SyscallGroup {
	below := func(arg uint32) libseccomp.Condition { return compare(arg, libseccomp.LessThan, unix.RLIMIT_CORE) }
	// RLIM_NLIMITS is 16. Higher bits would be dropped by the kernel, so what is above is not allowed either.
	above := func(arg uint32) []libseccomp.Condition {
		return []libseccomp.Condition{compare(arg, libseccomp.GreaterThan, unix.RLIMIT_CORE), compare(arg, libseccomp.LessThan, 16)}
	}
	return []libseccomp.SyscallGroup{
		group(libseccomp.ActionAllow, when("setrlimit", below(0)), when("setrlimit", above(0)...)),
		group(pretend, when("setrlimit", equal(0, unix.RLIMIT_CORE))),
		group(libseccomp.ActionAllow,
			when("prlimit64", equal(2, 0)), // only reads
			when("prlimit64", below(1)), when("prlimit64", above(1)...)),
		group(pretend, when("prlimit64", equal(1, unix.RLIMIT_CORE), equal(3, 0))),
	}
}

// pretend makes a call do nothing and return 0, which is an error with the number 0. The library would write EPERM for that:
// chain puts the 0 in the place of a number that no error has.
const (
	pretend  = libseccomp.ActionErrno | 0xffe
	pretence = uint32(libseccomp.ActionErrno)
)

func group(action libseccomp.Action, rules ...libseccomp.NameWithConditions) libseccomp.SyscallGroup {
	return libseccomp.SyscallGroup{Action: action, NamesWithCondtions: rules}
}

func when(name string, all ...libseccomp.Condition) libseccomp.NameWithConditions {
	return libseccomp.NameWithConditions{Name: name, Conditions: all}
}

func equal(arg uint32, value uint64) libseccomp.Condition {
	return compare(arg, libseccomp.Equal, value)
}

func compare(arg uint32, op libseccomp.Operation, value uint64) libseccomp.Condition {
	return libseccomp.Condition{Argument: arg, Operation: op, Value: value}
}
