package container

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"

	"github.com/logis-project/logis/internal/linux"
)

// Usage of a container as the kernel counts it: bytes, tasks, seconds, processes.
type Usage struct {
	Memory     int64
	Cache      int64 // part of Memory: pages of files that were not used lately, which the kernel gives up first
	Swap       int64 // on top of Memory; 0 where this kernel does not count it
	PIDs       int64
	CPUSeconds float64
	OOMKills   int64 // since the container started
}

func (c *cgroup) usage() (Usage, error) { return c.counters().usage() }

// Working is the memory in use, in bytes, without the part of the page cache that the kernel gives up first: a site that
// only reads many files is not short of memory. Where no more than enough is in use with the cache, it is that: to look at
// the cache costs many times as much, and this is asked again and again.
func (c *Container) Working(enough int64) (int64, error) {
	return c.cgroup.counters().working(enough)
}

// OOMKills is how many processes the kernel has killed for want of memory since the container started.
func (c *Container) OOMKills() (int64, error) { return c.cgroup.counters().kills() }

// counters are the files of a cgroup, v1 or v2, that count what it uses, and the lines that are read in them. The library's
// Stats reads four times as many files, and a list asks for every site.
type counters struct {
	memory, pids, cpu string // directories

	current  string // file: bytes
	inactive string // in memory.stat: bytes of cache that were not used lately
	swap     string // file: bytes; it is not there where this kernel does not count them
	withSwap bool   // what is in swap counts current too
	events   string // file with the line oom_kill
}

func (c *cgroup) counters() counters {
	return countersIn(c.manager.Path("memory"), c.manager.Path("pids"), c.manager.Path("cpuacct"), cgroups.IsCgroup2UnifiedMode())
}

func countersIn(memory, pids, cpu string, unified bool) counters {
	if unified {
		return counters{
			memory: memory, pids: pids, cpu: cpu,
			current: "memory.current", inactive: "inactive_file", swap: "memory.swap.current", events: "memory.events",
		}
	}
	return counters{
		memory: memory, pids: pids, cpu: cpu,
		current: "memory.usage_in_bytes", inactive: "total_inactive_file", swap: "memory.memsw.usage_in_bytes", withSwap: true,
		events: "memory.oom_control",
	}
}

func (f counters) usage() (u Usage, err error) {
	if u.Memory, err = number(filepath.Join(f.memory, f.current)); err != nil {
		return Usage{}, err
	}
	cache, err := value(filepath.Join(f.memory, "memory.stat"), f.inactive)
	if err != nil {
		return Usage{}, err
	}
	u.Cache = min(cache, u.Memory) // they are of two instants
	u.Swap, err = number(filepath.Join(f.memory, f.swap))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return Usage{}, err
	case f.withSwap:
		u.Swap = max(u.Swap-u.Memory, 0)
	}
	if u.OOMKills, err = f.kills(); err != nil {
		return Usage{}, err
	}
	if u.PIDs, err = number(filepath.Join(f.pids, "pids.current")); err != nil {
		return Usage{}, err
	}
	u.CPUSeconds, err = f.seconds()
	return u, err
}

func (f counters) working(enough int64) (int64, error) {
	used, err := number(filepath.Join(f.memory, f.current))
	if err != nil || used <= enough {
		return used, err
	}
	cache, err := value(filepath.Join(f.memory, "memory.stat"), f.inactive)
	return max(used-cache, 0), err
}

// kills reads oom_kill. On v2 that includes cgroups below: a site has none.
func (f counters) kills() (int64, error) { return value(filepath.Join(f.memory, f.events), "oom_kill") }

// seconds is the time that processors have spent: nanoseconds in v1, microseconds in v2.
func (f counters) seconds() (float64, error) {
	if !f.withSwap {
		n, err := value(filepath.Join(f.cpu, "cpu.stat"), "usage_usec")
		return float64(n) / 1e6, err
	}
	n, err := number(filepath.Join(f.cpu, "cpuacct.usage"))
	return float64(n) / 1e9, err
}

// number reads a file that is a number.
func number(path string) (int64, error) {
	text, err := linux.ReadSmall(path, make([]byte, 32))
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	return n, nil
}

// maxStat is more than a file of counters has, in bytes.
const maxStat = 8 << 10

// value reads one line "key number" of a flat keyed file (cgroup-v2.rst); v1 has the same form.
func value(path, key string) (int64, error) {
	text, err := linux.ReadSmall(path, make([]byte, maxStat))
	if err != nil {
		return 0, err
	}
	var line []byte
	for len(text) > 0 {
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		name, number, _ := bytes.Cut(line, []byte{' '})
		if string(name) != key {
			continue
		}
		n, err := strconv.ParseUint(string(number), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		return int64(min(n, math.MaxInt64)), nil
	}
	return 0, fmt.Errorf("read %s: no line %s", path, key)
}
