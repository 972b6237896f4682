package probe

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// files are attempts to write the files through which the kernel is told what to do: every one there is.
func files() []Attempt {
	var tries []Attempt
	for _, path := range []string{
		"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname", "/proc/sys/kernel/randomize_va_space",
		"/proc/sys/kernel/ns_last_pid", "/proc/sys/vm/panic_on_oom", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/net/ipv4/ping_group_range", "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity",
		"/proc/pressure/memory", "/proc/mtrr", "/sys/kernel/uevent_helper", "/sys/kernel/mm/transparent_hugepage/enabled",
		"/sys/class/net/lo/mtu", "/sys/power/state",
	} {
		tries = append(tries, plain("write "+path, func() error { return write(path) }))
	}
	sysctls := []string{"abi", "crypto", "debug", "dev", "fs", "kernel", "net", "sunrpc", "user", "vm"}
	for _, dir := range sysctls {
		tries = append(tries, plain("write each file below /proc/sys/"+dir, func() error { return writeEach("/proc/sys/"+dir, nil) }))
	}
	tries = append(tries,
		plain("write each other file below /proc/sys", func() error { return writeEach("/proc/sys", sysctls) }),
		plain("write each other file of /proc", func() error { return writeEach("/proc", append(processes(), "sys", "self", "thread-self")) }))
	parts := []string{"block", "bus", "class", "dev", "devices", "firmware", "fs", "hypervisor", "kernel", "module", "power"}
	for _, dir := range parts {
		tries = append(tries, plain("write each file below /sys/"+dir, func() error { return writeEach("/sys/"+dir, nil) }))
	}
	tries = append(tries, plain("write each other file of /sys", func() error { return writeEach("/sys", parts) }))
	for i := range tries {
		tries[i].Want = refusedFile()
	}
	return group("files of the kernel", "EPERM", tries...)
}

// writeEach opens each file below a directory for writing; the first that can be opened is named. skip are directories right
// below.
func writeEach(dir string, skip []string) error {
	seen := several{}
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // one that cannot be listed: its files are out of reach
		case entry.IsDir() && filepath.Dir(path) == dir && slices.Contains(skip, entry.Name()):
			return fs.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err == nil {
			regular := isRegular(fd)
			unix.Close(fd)
			if !regular {
				return nil // /dev/null, which covers what it is mounted on
			}
			err = said("opened " + path)
		}
		seen.add(err)
		if len(seen) > 8 { // enough is seen
			return fs.SkipAll
		}
		return nil
	})
	if len(seen) == 0 {
		return unix.ENOENT
	}
	return seen.all("")
}

func isRegular(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG
}

// processes lists the directories of /proc that are processes.
func processes() []string {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []string
	for _, e := range entries {
		if strings.Trim(e.Name(), "0123456789") == "" {
			pids = append(pids, e.Name())
		}
	}
	return pids
}
