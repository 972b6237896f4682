package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
)

// InUseError says that a memory limit cannot be set, since the processes hold more and the kernel finds nothing to reclaim.
type InUseError struct {
	Used int64 // bytes
	Swap bool  // Used is memory and swap together, and so is the limit
}

func (e *InUseError) Error() string {
	what := "of memory"
	if e.Swap {
		what = "of memory and swap"
	}
	return fmt.Sprintf("%s %s is in use", units.BytesSize(float64(e.Used)), what)
}

// SetLimits changes the limits of a running container and reads them back; limits that it has already cost nothing. Memory
// below what is used, with all that can be reclaimed taken away, is an *InUseError: no process is killed for it. That is
// certain on cgroup v1; on v2 one can be that takes more than reclaimMargin just between the reclaim and the new limit. (A
// memory.high meanwhile would keep it from that, but in a scope that file is systemd's, and a logisd that is killed would leave
// it.) Fewer tasks than there are only keep new ones from starting. After an error some of the new limits may hold: call it
// again with the old ones.
func (c *Container) SetLimits(ctx context.Context, l Limits) error {
	if err := errors.Join(c.awaitLimit(ctx), ctx.Err()); err != nil {
		return err
	}
	if err := c.cgroup.change(l); err != nil {
		return err
	}
	return c.setOpenFiles(l.OpenFiles)
}

// change moves a cgroup in use to other limits.
func (c *cgroup) change(l Limits) error {
	r := c.enforceable(l)
	if c.verify(r) == nil {
		return c.setIO(l)
	}
	if cgroups.IsCgroup2UnifiedMode() {
		if err := reclaim(c.manager.Path("memory"), l.Memory); err != nil {
			return err
		}
	}
	// The manager keeps memory below memory with swap at every instant, as v1 demands, whichever way both go.
	r.MemoryCheckBeforeUpdate = true
	err := c.write(r, l)
	if err == nil {
		err = c.setIO(l)
	}
	if err == nil {
		err = fault.Point("limits: written")
	}
	if err == nil {
		return nil
	}
	// v1 answers EBUSY once it has reclaimed what it can; the manager does not always pass that on.
	stats, serr := c.manager.Stats(&cgroups.StatsOptions{Controllers: cgroups.Memory})
	if serr != nil {
		return err
	}
	if used := int64(stats.MemoryStats.Usage.Usage); used > l.Memory {
		return &InUseError{Used: used}
	}
	both := int64(stats.MemoryStats.SwapUsage.Usage) // v1: memory too
	if !cgroups.IsCgroup2UnifiedMode() && r.MemorySwap != 0 && both > r.MemorySwap {
		return &InUseError{Used: both, Swap: true}
	}
	return err
}

const (
	reclaimMargin = 1 << 20 // bytes: what a site may take between the reclaim and the new limit
	reclaimTries  = 5       // as often as v1 tries by itself
)

// reclaim takes memory away from a cgroup of v2 until a new limit fits, or says that it cannot: there, unlike v1, the
// kernel makes a limit below what is used true by killing (cgroup-v2.rst, memory.max).
func reclaim(dir string, limit int64) error {
	var used int64
	for try := 0; ; try++ {
		data, err := os.ReadFile(filepath.Join(dir, "memory.current"))
		if err != nil {
			return fmt.Errorf("read memory in use: %w", err)
		}
		if used, err = strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err != nil {
			return fmt.Errorf("read memory in use: %w", err)
		}
		if used+reclaimMargin <= limit {
			return nil
		}
		if try == reclaimTries {
			return &InUseError{Used: used}
		}
		if err := writeOnce(filepath.Join(dir, "memory.reclaim"), strconv.FormatInt(used+reclaimMargin-limit, 10)); err != nil &&
			!errors.Is(err, unix.EAGAIN) { // EAGAIN: less than that was found
			return fmt.Errorf("reclaim memory: %w", err)
		}
	}
}

// writeOnce writes to a file of a cgroup and returns what the kernel says. os.File would take EAGAIN for a file that is not
// ready yet, and wait for ever: files of cgroups can be polled.
func writeOnce(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}
