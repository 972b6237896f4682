package probe

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// names of all capabilities by their numbers: linux/capability.h.
func capabilityNames() []string {
	return []string{
		"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "linux_immutable",
		"net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot",
		"sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
		"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read",
		"perfmon", "bpf", "checkpoint_restore",
	}
}

// keptMask is the bounding set of a site: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service,
// sys_chroot and audit_write.
const keptMask = 0x200405fb

// capabilities are attempts to get back each capability that was dropped: it must be in no set, and no call may put it there.
func capabilities() []Attempt {
	tries := []Attempt{plain("bounding set", func() error { return said(statusLine("CapBnd")) }, "00000000200405fb")}
	for number, name := range capabilityNames() {
		if keptMask&(1<<number) == 0 {
			tries = append(tries, plain("raise "+name, func() error { return raise(number) }))
		}
	}
	return group("capabilities", "EPERM", tries...)
}

// raise says in which sets a capability is, and if in none how the kernel answers the ways to add it.
func raise(number int) error {
	if in := setsWith(number); len(in) > 0 {
		return said("in " + strings.Join(in, ", "))
	}
	seen := several{}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fault{err}
	}
	for _, add := range []func(*unix.CapUserData, uint32){
		func(d *unix.CapUserData, bit uint32) { d.Permitted |= bit; d.Effective |= bit },
		func(d *unix.CapUserData, bit uint32) { d.Inheritable |= bit },
	} {
		more := data
		add(&more[number/32], 1<<(number%32))
		seen.add(unix.Capset(&header, &more[0]))
	}
	seen.add(unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(number), 0, 0))
	return seen.all("")
}

func setsWith(number int) []string {
	var in []string
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if mask, err := strconv.ParseUint(statusLine(set), 16, 64); err != nil || mask&(1<<number) != 0 {
			in = append(in, set)
		}
	}
	return in
}

// statusLine is a line of this thread's status: proc_pid_status(5).
func statusLine(key string) string {
	data, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "no line " + key
}
