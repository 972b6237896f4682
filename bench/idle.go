package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/bench/report"
)

// idleAfter is how long a site is left alone once it answers: what it needed to start is given back by then. PHP's idle processes
// end after 30 s.
const idleAfter = 35 * time.Second

// beside is how many sites there are already: what programs share is shared by all.
const beside = 9

// measureIdle measures what one more site costs that nobody visits, beside others of the same kind: of the guest, and of what its
// engine needs around it. Of logis it also measures PID 1.
func measureIdle(ctx context.Context, h *house, r *recorder) error {
	rounds := r.roundsOr(1) // memory is not noisy
	for round := range rounds {
		for _, s := range h.subjects {
			if s.name() == report.LogisAPI {
				continue // its sites are those of logis
			}
			fmt.Fprintf(os.Stderr, "idle: round %d of %d: %s\n", round+1, rounds, s.name())
			if err := h.measureOneMore(ctx, s, r); err != nil {
				return fmt.Errorf("%s: %w", s.name(), err)
			}
		}
	}
	return h.measureInit(ctx, r)
}

// measureOneMore makes sites and measures the last.
func (h *house) measureOneMore(ctx context.Context, s subject, r *recorder) (err error) {
	var made []*instance
	defer func() {
		for _, i := range made {
			err = errors.Join(err, s.destroy(context.WithoutCancel(ctx), i))
		}
	}()
	for n := range beside {
		i, _, err := h.open(ctx, s, n)
		if err != nil {
			return err
		}
		made = append(made, i)
	}
	if err := rest(ctx, idleAfter); err != nil {
		return err
	}
	before, err := h.weigh(ctx, processes())
	if err != nil {
		return err
	}
	standing := processes()
	last, server, err := h.open(ctx, s, beside)
	if err != nil {
		return err
	}
	made = append(made, last)
	if err := rest(ctx, idleAfter); err != nil {
		return err
	}
	now := processes()
	after, err := h.weigh(ctx, now)
	if err != nil {
		return err
	}
	var site, engine load
	for pid := range now {
		if standing[pid] {
			continue
		}
		one := loadOf(pid)
		site.add(one)
		if name := commandOf(pid); !slices.Contains(services, name) {
			engine.add(one)
			if name == "logis-init" {
				r.add("init: pss", s.name(), "bytes", 0, float64(one.private+one.shared))
			}
		}
	}
	// What runs for all sites has grown by the share of this one.
	grown := after.daemons.private + after.daemons.shared - before.daemons.private - before.daemons.shared
	r.add("memory: private", s.name(), "bytes", 0, float64(site.private+after.daemons.private-before.daemons.private))
	r.add("memory: shared", s.name(), "bytes", 0, float64(site.shared))
	if kernel, ok := kernelMemory(server); ok {
		r.add("memory: kernel", s.name(), "bytes", 0, float64(kernel))
	}
	r.add("processes", s.name(), "", 0, float64(site.processes))
	r.add("descriptors", s.name(), "", 0, float64(site.descriptors+after.daemons.descriptors-before.daemons.descriptors))
	r.add("disk", s.name(), "bytes", 0, float64(after.disk-before.disk))
	r.add("engine: memory", s.name(), "bytes", 0, float64(max(0, engine.private+engine.shared+grown)))
	return nil
}

// services are the names of the processes that every subject has.
var services = []string{"mariadbd", "nginx", "php-fpm8.2", "sshd", "cron"}

// open makes a site and waits until it answers; server is the process of its database. With an error there may be a site, too.
func (h *house) open(ctx context.Context, s subject, n int) (i *instance, server int, err error) {
	if i, err = s.place(ctx, n); err != nil {
		return nil, 0, err
	}
	before := processes()
	if err := s.create(ctx, i); err != nil {
		return i, 0, err
	}
	if _, err := knock(ctx, i, before, time.Now()); err != nil {
		return i, 0, err
	}
	return i, newServer(before), nil
}

// rest does nothing for a time.
func rest(ctx context.Context, length time.Duration) error {
	select {
	case <-time.After(length):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// weight is what lies on the pool, and what runs for all sites.
type weight struct {
	disk    int64 // bytes
	daemons load
}

func (h *house) weigh(ctx context.Context, running map[int]bool) (w weight, err error) {
	if err := h.settle(ctx); err != nil {
		return w, err
	}
	// What was deleted before is freed, or it would be taken for what this one does not take.
	if _, err := command(ctx, "btrfs", "subvolume", "sync", h.pool()); err != nil {
		return w, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(h.pool(), &st); err != nil {
		return w, fmt.Errorf("stat pool: %w", err)
	}
	w.disk = int64(st.Blocks-st.Bfree) * st.Bsize
	for pid := range running {
		if slices.Contains([]string{"logisd", "logis-proxy", "lxcfs"}, commandOf(pid)) {
			w.daemons.add(loadOf(pid))
		}
	}
	return w, nil
}

// load is what processes take: bytes that are theirs alone, and their share of those that they have with others (proc_pid_smaps(5)).
type load struct {
	private, shared        int64
	processes, descriptors int
}

func (l *load) add(o load) {
	l.private, l.shared = l.private+o.private, l.shared+o.shared
	l.processes, l.descriptors = l.processes+o.processes, l.descriptors+o.descriptors
}

// loadOf is what one process takes, nothing when it has ended.
func loadOf(pid int) (l load) {
	dir := fmt.Sprintf("/proc/%d/", pid)
	text, err := os.ReadFile(dir + "smaps_rollup")
	if err != nil {
		return l
	}
	l.processes = 1
	pss := int64(0)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		n, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "Pss:":
			pss = n << 10
		case "Private_Clean:", "Private_Dirty:":
			l.private += n << 10
		}
	}
	l.shared = pss - l.private
	open, _ := os.ReadDir(dir + "fd")
	l.descriptors = len(open)
	return l
}

func commandOf(pid int) string {
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(comm))
}

// kernelMemory is what the kernel keeps for the cgroup of a process: page tables, stacks, inodes and the like.
func kernelMemory(pid int) (bytes int64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		switch {
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			used, err := os.ReadFile("/sys/fs/cgroup/memory" + path + "/memory.kmem.usage_in_bytes")
			bytes, _ = strconv.ParseInt(strings.TrimSpace(string(used)), 10, 64)
			return bytes, err == nil
		case controllers == "":
			stat, _ := os.ReadFile("/sys/fs/cgroup" + path + "/memory.stat")
			for line := range strings.Lines(string(stat)) {
				if number, found := strings.CutPrefix(line, "kernel "); found {
					bytes, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
					return bytes, err == nil
				}
			}
		}
	}
	return 0, false
}
