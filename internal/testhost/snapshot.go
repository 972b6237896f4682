package testhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Snapshot is the state of the box that a site could leave a trace in, as sorted lines. Two of them are equal when
// nothing was left.
type Snapshot struct {
	Links      []string // addresses, routes and bridge ports too
	Rules      []string // the nft ruleset without its counters
	Cgroups    []string // of this instance and below, in every hierarchy
	Mounts     []string // mount point, file system and source
	Loops      []string // device and file, of this run
	Processes  []string // all of the box but the caller and its descendants
	Files      []string // mode and path, under the directories asked for
	Lines      []string // of the files asked for
	Subvolumes []string // of the pool
	Quotas     []string // the pool's quota groups
}

// SnapshotOptions names what is looked at beside the kernel's tables.
type SnapshotOptions struct {
	Dirs  []string // whose files are listed, mounts left out
	Files []string // whose lines are; a missing file has none
	Pool  string   // a mounted btrfs, its files too without what is in subvolumes; "" is none
}

// Take takes a snapshot. Subvolumes deleted before are waited for, and a commit is forced, so that quota groups are seen
// as they will stay.
func Take(ctx context.Context, opts SnapshotOptions) (Snapshot, error) {
	var s Snapshot
	var err error
	if s.Links, err = links(ctx); err != nil {
		return s, err
	}
	if s.Rules, err = lines(ctx, "nft", "--stateless", "list", "ruleset"); err != nil {
		return s, err
	}
	s.Rules = slices.DeleteFunc(s.Rules, counted)
	for _, dir := range cgroupDirs(Instance()) {
		s.Cgroups = append(s.Cgroups, below(dir)...)
	}
	if s.Mounts, err = mounts(); err != nil {
		return s, err
	}
	for _, l := range loopsUnder(Dir()) {
		s.Loops = append(s.Loops, l.device+" "+l.file)
	}
	if s.Processes, err = processes(); err != nil {
		return s, err
	}
	dirs := opts.Dirs
	if opts.Pool != "" {
		dirs = append(slices.Clone(dirs), opts.Pool)
	}
	if s.Files, err = files(dirs); err != nil {
		return s, err
	}
	for _, path := range opts.Files {
		data, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s, err
		}
		for line := range strings.Lines(string(data)) {
			s.Lines = append(s.Lines, filepath.Base(path)+": "+strings.TrimSpace(line))
		}
	}
	if opts.Pool != "" {
		if err := s.takePool(ctx, opts.Pool); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (s *Snapshot) takePool(ctx context.Context, pool string) (err error) {
	if _, err := lines(ctx, "btrfs", "subvolume", "sync", pool); err != nil {
		return err
	}
	if _, err := lines(ctx, "btrfs", "filesystem", "sync", pool); err != nil {
		return err
	}
	subvolumes, err := lines(ctx, "btrfs", "subvolume", "list", pool)
	if err != nil {
		return err
	}
	for _, l := range subvolumes {
		// "ID 256 gen 9 top level 5 path images/x": the generation moves with every commit.
		if _, path, ok := strings.Cut(l, " path "); ok {
			s.Subvolumes = append(s.Subvolumes, path)
		}
	}
	quotas, err := lines(ctx, "btrfs", "qgroup", "show", pool)
	if err != nil {
		return err
	}
	for _, l := range quotas {
		if f := strings.Fields(l); len(f) > 0 && strings.Contains(f[0], "/") {
			s.Quotas = append(s.Quotas, f[0])
		}
	}
	return nil
}

// links leaves out what changes by itself: interface numbers and remaining lifetimes.
func links(ctx context.Context) ([]string, error) {
	var all []string
	for _, args := range [][]string{
		{"-brief", "link"},
		{"-brief", "address"},
		{"route", "show", "table", "all"},
		{"-6", "route", "show", "table", "all"},
		{"rule"},
	} {
		out, err := lines(ctx, "ip", args...)
		if err != nil {
			return nil, err
		}
		all = append(all, out...)
	}
	lifetime := regexp.MustCompile(`(expires \d+sec|@if\d+)`)
	for i, l := range all {
		all[i] = strings.Join(strings.Fields(lifetime.ReplaceAllString(l, "")), " ")
	}
	// Routes to the cable's own link-local address come when the kernel has found no twin of it, seconds after the cable.
	late := regexp.MustCompile(`^(anycast|local) fe80:.* dev cable0 `)
	all = slices.DeleteFunc(all, late.MatchString)
	slices.Sort(all)
	return all, nil
}

func mounts() ([]string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var all []string
	for line := range strings.Lines(string(data)) {
		// "36 35 98:0 /root /point options optional - fstype source super": proc_pid_mountinfo(5)
		before, after, _ := strings.Cut(line, " - ")
		b, a := strings.Fields(before), strings.Fields(after)
		if len(b) > 4 && len(a) > 1 {
			all = append(all, b[4]+" "+a[0]+" "+a[1]+" "+b[3])
		}
	}
	slices.Sort(all)
	return all, nil
}

// processes lists "pid name"; pids tell a process that stayed from one that came again. Kernel threads are outside the box.
func processes() ([]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	parent := map[int]int{}
	name := map[int]string{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// "pid (name) state ppid …": proc_pid_stat(5); the name may hold anything, so look for the last parenthesis.
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		end := strings.LastIndexByte(string(stat), ')')
		if err != nil || end < 0 {
			continue // it ended while we looked
		}
		f := strings.Fields(string(stat)[end+1:])
		if len(f) < 2 {
			continue
		}
		_, name[pid], _ = strings.Cut(string(stat)[:end], "(")
		parent[pid], _ = strconv.Atoi(f[1])
	}
	var all []string
	for pid := range name {
		if !descends(parent, pid, os.Getpid()) {
			all = append(all, fmt.Sprintf("%d %s", pid, name[pid]))
		}
	}
	slices.Sort(all)
	return all, nil
}

func descends(parent map[int]int, pid, ancestor int) bool {
	for ; pid > 1; pid = parent[pid] {
		if pid == ancestor {
			return true
		}
	}
	return false
}

// below lists a directory and the directories below it.
func below(dir string) []string {
	var all []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path) // one that vanishes while we walk is none
		}
		return nil
	})
	return all
}

// files lists what lies under dirs, without what is mounted there.
func files(dirs []string) ([]string, error) {
	var all []string
	for _, dir := range dirs {
		var top unix.Stat_t
		if err := unix.Lstat(dir, &top); err != nil {
			return nil, fmt.Errorf("list %s: %w", dir, err)
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			var stat unix.Stat_t
			if err != nil || unix.Lstat(path, &stat) != nil {
				return nil // it went while we walked
			}
			all = append(all, fmt.Sprintf("%v %o %s", d.Type(), stat.Mode&0o7777, path))
			if stat.Dev != top.Dev {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	return all, nil
}

// counted tells a line of elements that the kernel adds when it counts connections, and drops some time after the last.
func counted(line string) bool {
	rule := strings.Contains(line, "add @") || strings.Contains(line, "update @")
	return !rule && (strings.Contains(line, "ct count over") || strings.Contains(line, "limit rate over"))
}

func lines(ctx context.Context, program string, args ...string) ([]string, error) {
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, out)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		all = append(all, strings.TrimRight(line, "\n"))
	}
	return all, nil
}
