package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// seen is what a process of the container sees.
type seen struct {
	Status     map[string]string // of /proc/self/status
	Namespaces map[string]string // ns/X of /proc/self
	Mounts     []string          // /proc/self/mountinfo
	Dev        []string          // everything below /dev, "mode name"
	FDs        []string          // of this process
	Env        []string
	Hostname   string
	Processes  []string // PIDs
	Init       string   // command line of PID 1
	InitName   string   // comm of PID 1
	Cgroup     string   // /proc/self/cgroup
	OOMScore   string   // oom_score_adj of PID 1
	Resolv     string   // mode of /run/logis/resolv.conf and its content
	PingGroups string   // ping_group_range
	Writable   []string // of /proc and /sys: files that could be opened for writing
	Masked     map[string]string
}

func report() seen {
	s := seen{Status: map[string]string{}, Namespaces: map[string]string{}, Masked: map[string]string{}, Env: os.Environ()}
	for line := range strings.Lines(read("/proc/self/status")) {
		key, value, _ := strings.Cut(line, ":")
		s.Status[key] = strings.TrimSpace(value)
	}
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		s.Namespaces[ns], _ = os.Readlink("/proc/self/ns/" + ns)
	}
	s.Mounts = strings.Split(strings.TrimSpace(read("/proc/self/mountinfo")), "\n")
	_ = filepath.Walk("/dev", func(path string, info os.FileInfo, err error) error {
		if err == nil && path != "/dev" {
			s.Dev = append(s.Dev, info.Mode().String()+" "+path)
		}
		return nil
	})
	s.FDs = openFiles()
	s.Hostname, _ = os.Hostname()
	for _, dir := range list("/proc") {
		if strings.Trim(dir, "0123456789") == "" {
			s.Processes = append(s.Processes, dir)
		}
	}
	s.Init = strings.TrimRight(read("/proc/1/cmdline"), "\x00")
	s.InitName = strings.TrimSpace(read("/proc/1/comm"))
	s.Cgroup = read("/proc/self/cgroup")
	s.OOMScore = strings.TrimSpace(read("/proc/1/oom_score_adj"))
	if info, err := os.Stat("/run/logis/resolv.conf"); err == nil {
		s.Resolv = info.Mode().String() + " " + read("/run/logis/resolv.conf")
	}
	s.PingGroups = strings.Join(strings.Fields(read("/proc/sys/net/ipv4/ping_group_range")), " ")
	for _, path := range []string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/sys/firmware", "/sys/devices/virtual/block"} {
		s.Masked[path] = content(path)
	}
	return s
}

// content is "absent", "empty" or "something".
func content(path string) string {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "absent"
	case info.IsDir() && len(list(path)) == 0, !info.IsDir() && len(read(path)) == 0:
		return "empty"
	}
	return "something"
}

// writable lists the files below root that can be opened for writing, but for those of processes.
func writable(root string) []string {
	var found []string
	_ = filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return nil
		}
		if name := info.Name(); filepath.Dir(path) == "/proc" && (strings.Trim(name, "0123456789") == "" || name == "self" || name == "thread-self") {
			if info.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !info.Mode().IsRegular() {
			return nil
		}
		if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
			found = append(found, path)
		}
		return nil
	})
	return found
}

func read(path string) string {
	data, _ := os.ReadFile(path)
	return string(data)
}

func list(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// openFiles lists what this process was started with: descriptors that stay over execve(2) and are not the Go runtime's.
func openFiles() []string {
	var open []string
	for _, name := range list("/proc/self/fd") {
		target, err := os.Readlink("/proc/self/fd/" + name)
		if err != nil || strings.HasPrefix(target, "anon_inode:[event") || strings.HasPrefix(target, "/proc/") {
			continue
		}
		kind, _, _ := strings.Cut(target, ":")
		open = append(open, name+" "+kind)
	}
	slices.Sort(open)
	return open
}
