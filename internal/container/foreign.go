package container

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Foreign is a process that has an id of sites and is in no site's cgroup.
type Foreign struct {
	PID  int
	Name string // its comm, which it chose itself: at most 15 bytes, printable here
	ID   uint32
}

// Foreigners lists the processes of the host that have a user or group id from first to last and belong to no container of
// the instance. What containers are being made of is none.
func (r *Runtime) Foreigners(first, last uint32) ([]Foreign, error) {
	parents, err := r.parentPaths()
	if err != nil {
		return nil, err
	}
	ours := map[string]bool{}
	for _, dir := range parents {
		// "/sys/fs/cgroup/memory/logis/alice" here is "/logis/alice" in /proc/PID/cgroup, below whatever logisd itself is in.
		ours[filepath.Base(dir)] = true
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []Foreign
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		status, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			continue // it has ended
		}
		name, id, has := hasID(string(status), first, last)
		if !has || inAny(dir, ours) {
			continue
		}
		if exe, err := os.Readlink(filepath.Join(dir, "exe")); err == nil && strings.TrimSuffix(exe, " (deleted)") == r.binary {
			continue // on its way into a cgroup
		}
		found = append(found, Foreign{PID: pid, Name: name, ID: id})
	}
	return found, nil
}

// hasID looks for an id from first to last in /proc/PID/status, proc(5): the real, effective, saved and file-system ids, and
// the supplementary groups. A process that has ended, and waits to be reaped, can do nothing with it.
func hasID(status string, first, last uint32) (name string, id uint32, has bool) {
	for line := range strings.Lines(status) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "Name":
			name = lastWords(value)
		case "State":
			if strings.HasPrefix(strings.TrimSpace(value), "Z") {
				return name, 0, false
			}
		case "Uid", "Gid", "Groups":
			for f := range strings.FieldsSeq(value) {
				if n, err := strconv.ParseUint(f, 10, 32); err == nil && uint32(n) >= first && uint32(n) <= last {
					return name, uint32(n), true
				}
			}
		}
	}
	return name, 0, false
}

// inAny tells whether a process is in a cgroup below one of the names.
func inAny(dir string, names map[string]bool) bool {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	if err != nil {
		return true // it has ended
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && slices.ContainsFunc(strings.Split(filepath.Dir(parts[2]), "/"), func(p string) bool { return names[p] }) {
			return true
		}
	}
	return false
}
