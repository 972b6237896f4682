package container

import (
	"fmt"
	"math"
	"os"
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

func (c *cgroup) usage() (Usage, error) {
	stats, err := c.manager.Stats(&cgroups.StatsOptions{Controllers: cgroups.CPU | cgroups.Memory | cgroups.Pids})
	if err != nil {
		return Usage{}, fmt.Errorf("read cgroup: %w", err)
	}
	files := c.memoryFiles()
	kills, err := files.kills()
	if err != nil {
		return Usage{}, err
	}
	memory := stats.MemoryStats
	return Usage{
		Memory: int64(memory.Usage.Usage), Cache: int64(min(memory.Stats[files.inactive], memory.Usage.Usage)),
		Swap:       int64(max(memory.SwapUsage.Usage, memory.Usage.Usage) - memory.Usage.Usage), // it counts both
		PIDs:       int64(stats.PidsStats.Current),
		CPUSeconds: float64(stats.CpuStats.CpuUsage.TotalUsage) / 1e9,
		OOMKills:   kills,
	}, nil
}

// Working is the memory in use, in bytes, without the part of the page cache that the kernel gives up first: a site that
// only reads many files is not short of memory. Where no more than enough is in use with the cache, it is that: to look at
// the cache costs many times as much, and this is asked again and again.
func (c *Container) Working(enough int64) (int64, error) {
	return c.cgroup.memoryFiles().working(enough)
}

// OOMKills is how many processes the kernel has killed for want of memory since the container started.
func (c *Container) OOMKills() (int64, error) { return c.cgroup.memoryFiles().kills() }

// memoryFiles are the files of a memory cgroup, v1 or v2, and the lines that are read in them.
type memoryFiles struct {
	dir      string
	current  string // file: bytes
	inactive string // in memory.stat: bytes of cache that were not used lately
	events   string // file with the line oom_kill
}

func (c *cgroup) memoryFiles() memoryFiles {
	return memoryFilesIn(c.manager.Path("memory"), cgroups.IsCgroup2UnifiedMode())
}

func memoryFilesIn(dir string, unified bool) memoryFiles {
	if unified {
		return memoryFiles{dir, "memory.current", "inactive_file", "memory.events"}
	}
	return memoryFiles{dir, "memory.usage_in_bytes", "total_inactive_file", "memory.oom_control"}
}

func (f memoryFiles) working(enough int64) (int64, error) {
	text, err := linux.ReadSmall(filepath.Join(f.dir, f.current), 32)
	if err != nil {
		return 0, fmt.Errorf("read memory in use: %w", err)
	}
	used, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read memory in use: %w", err)
	}
	if used <= enough {
		return used, nil
	}
	cache, err := f.value("memory.stat", f.inactive)
	return max(used-cache, 0), err
}

// kills reads oom_kill. On v2 that includes cgroups below: a site has none.
func (f memoryFiles) kills() (int64, error) { return f.value(f.events, "oom_kill") }

// value reads one line "key number" of a flat keyed file (cgroup-v2.rst); v1 has the same form.
func (f memoryFiles) value(file, key string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(f.dir, file))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", file, err)
	}
	for line := range strings.Lines(string(text)) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != key {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", file, err)
		}
		return int64(min(n, math.MaxInt64)), nil
	}
	return 0, fmt.Errorf("read %s: no line %s", file, key)
}
