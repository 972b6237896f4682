package probe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Outcomes of looking at a file that should say nothing.
const (
	empty     = "empty"
	something = "something"
)

// tellings are attempts to learn of the host from what its kernel tells.
func tellings() []Attempt {
	var tries []Attempt
	for _, path := range []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/block", "/sys/devices/virtual/powercap",
		"/sys/firmware",
	} {
		tries = append(tries, plain("look into "+path, func() error { return look(path) }, empty, "ENOENT"))
	}
	for _, path := range []string{
		"/proc/kmsg", "/proc/slabinfo", "/proc/vmallocinfo", "/proc/pagetypeinfo", "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup",
	} {
		tries = append(tries, plain("look into "+path, func() error { return look(path) }, refusedFile()...))
	}
	return group("what the kernel tells", "EPERM", append(tries,
		plain("look into thermal_throttle of each processor", func() error {
			paths, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle")
			seen := several{}
			for _, path := range paths {
				seen.add(look(path))
			}
			if len(seen) == 0 {
				return unix.ENOENT
			}
			return seen.all("")
		}, empty, "ENOENT"),
		plain("addresses of the kernel", kernelAddresses, "all zero", "ENOENT", empty),
		plain("log of the kernel", func() error { return second(unix.Klogctl(3, make([]byte, 8))) }),
		plain("mounts that name a path of the host", hostPaths, "none"),
		plain("block devices that name a path of the host", backingPaths, "none"),
		plain("processes of the host", func() error { return strangers() }, "none"),
		plain("environment of logisd", environment, "HOME LANG LOGNAME PATH SHELL USER"),
	)...)
}

func look(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return said(empty)
		}
		return said(something)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, make([]byte, 64))
	switch {
	case err != nil:
		return err
	case n == 0:
		return said(empty)
	}
	return said(something)
}

// kernelAddresses tells whether /proc/kallsyms gives one: kptr_restrict and a lack of syslog make zeros of them.
func kernelAddresses() error {
	data, err := os.ReadFile("/proc/kallsyms")
	if err != nil {
		return err
	}
	if len(data) == 0 {
		return said(empty)
	}
	for line := range strings.Lines(string(data)) {
		if address, _, _ := strings.Cut(line, " "); strings.Trim(address, "0") != "" {
			return said("addresses")
		}
	}
	return said("all zero")
}

// hostPaths looks for what could only be a path of the host in the mount table: the site's own begins at its own root.
func hostPaths() error {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fault{err}
	}
	for line := range strings.Lines(string(data)) {
		before, after, _ := strings.Cut(line, " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(kind) < 2 {
			return fault{said("a line that is none: " + line)}
		}
		for option := range strings.SplitSeq(kind[len(kind)-1], ",") {
			name, value, _ := strings.Cut(option, "=")
			if slices.Contains([]string{"lowerdir", "lowerdir+", "upperdir", "workdir"}, name) && strings.HasPrefix(value, "/") && !strings.HasPrefix(value, "/proc/self/fd/") {
				return said("overlay of " + value)
			}
		}
		if strings.HasPrefix(kind[1], "/") && !strings.HasPrefix(kind[1], "/dev/") {
			return said("source " + kind[1])
		}
	}
	return said("none")
}

// backingPaths looks for the files behind the block devices of the host: its pool's, for one. They are the same by four ways.
func backingPaths() error {
	for _, dir := range []string{"/sys/block", "/sys/class/block", "/sys/dev/block", "/sys/devices/virtual/block"} {
		for _, name := range []string{"loop/backing_file", "backing_dev", "backend"} { // of loop, zram, nbd
			paths, _ := filepath.Glob(dir + "/*/" + name)
			for _, path := range paths {
				data, err := os.ReadFile(path)
				if text := strings.TrimSpace(string(data)); err == nil && text != "" && text != "none" {
					return said(path + " names " + text)
				}
			}
		}
	}
	return said("none")
}

// strangers looks for processes that are of no id of the site's: those of the host would be of the overflow id.
func strangers() error {
	pids := processes()
	if len(pids) == 0 {
		return fault{said("no process is seen")}
	}
	for _, pid := range pids {
		info, err := os.Stat("/proc/" + pid)
		if err != nil {
			continue // it has ended
		}
		parent, _ := os.ReadFile("/proc/" + pid + "/stat")
		if st := uidOf(info); st == 65534 && !strings.Contains(string(parent), "(logis-init)") {
			return said("process " + pid)
		}
	}
	return said("none")
}

// environment is what variables this process was started with.
func environment() error {
	var names []string
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return said(strings.Join(names, " "))
}
