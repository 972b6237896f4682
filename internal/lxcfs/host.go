package lxcfs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// findHost returns the host's own lxcfs if one is mounted in this mount namespace and tells all that sites need; nil when
// there is none. Those whose PID is shunned are left alone.
func findHost(shunned int) (*server, error) {
	points, err := mountPoints()
	if err != nil || len(points) == 0 {
		return nil, err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, dir := range processes {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || pid == shunned {
			continue
		}
		s, err := hostServer(pid, points)
		if err != nil {
			return nil, err
		}
		if s != nil {
			return s, nil
		}
	}
	return nil, nil
}

// hostServer opens the server that a process is; nil when it is none, or not enough of one. What a site's process calls itself
// counts for nothing: it is not root's.
func hostServer(pid int, points []string) (*server, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	name, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err != nil || string(name) != "lxcfs\n" {
		return nil, nil
	}
	pidfd, err := linux.OpenPidfd(pid)
	if err != nil {
		return nil, nil // it has ended
	}
	line, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	var owner unix.Stat_t
	if err == nil {
		err = unix.Stat(dir, &owner)
	}
	args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	s := newServer(pid, pidfd, args[len(args)-1], nil)
	if err != nil || owner.Uid != 0 || s.ended() || !slices.Contains(points, s.dir) || !enough(args) {
		s.close()
		return nil, nil
	}
	if err := s.open(); err != nil {
		s.close()
		return nil, fmt.Errorf("the host's lxcfs, process %d: %w", pid, err)
	}
	return s, nil
}

// enough tells whether an lxcfs with these arguments shows a site its own load and its share of the processors. Debian's unit
// gives it neither.
func enough(args []string) bool {
	load := slices.Contains(args, "-l") || slices.Contains(args, "--enable-loadavg")
	return load && slices.Contains(args, "--enable-cfs") && !slices.Contains(args, "-u") && !slices.Contains(args, "--disable-swap")
}

// mountPoints lists where an lxcfs is mounted in this mount namespace.
func mountPoints() ([]string, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	var points []string
	for line := range bytes.Lines(table) {
		before, after, _ := strings.Cut(string(line), " - ")
		f, kind := strings.Fields(before), strings.Fields(after)
		if len(f) > 4 && len(kind) > 0 && kind[0] == "fuse.lxcfs" && f[3] == "/" {
			points = append(points, f[4])
		}
	}
	return points, nil
}
