package lxcfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"github.com/opencontainers/cgroups/systemd"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// What a server may take, however sites ask it. It needs 3 MB and, for a thousand questions a second, a tenth of a processor.
const (
	memory    = 256 << 20 // bytes: past it the kernel ends it, and it is started anew
	threads   = 256
	cpuPeriod = 100_000 // microseconds
	cpuQuota  = cpuPeriod / 2
)

// cgroup bounds an own server, and is how what a crash left of one is found. Where systemd is PID 1 it is a scope, outside the
// service of logisd, with which it would end.
type cgroup struct{ manager cgroups.Manager }

func bounds() *cgroups.Resources {
	pids := int64(threads)
	return &cgroups.Resources{
		Memory: memory, PidsLimit: &pids, CpuPeriod: cpuPeriod, CpuQuota: cpuQuota, SkipDevices: true,
	}
}

// newCgroup names the cgroup and makes nothing yet. No site's name has a dot.
func newCgroup(instance string) (*cgroup, error) {
	config := &cgroups.Cgroup{Resources: bounds()}
	if systemd.IsRunningSystemd() {
		config.Systemd = true
		config.Parent, config.ScopePrefix, config.Name = "system.slice", instance, "view.lxcfs"
		config.SystemdProps = []dbus.Property{
			dbus.PropDescription("logis: what sites see of memory, processors and load"),
			dbus.PropBefore("logis-sites.service"),
		}
	} else {
		config.Path = "/" + instance + "-view.lxcfs"
	}
	m, err := manager.New(config)
	if err != nil {
		return nil, fmt.Errorf("name cgroup of lxcfs: %w", err)
	}
	return &cgroup{m}, nil
}

func (c *cgroup) join(pid int) error {
	if err := c.manager.Apply(pid); err != nil {
		return fmt.Errorf("make cgroup of lxcfs: %w", err)
	}
	if err := c.manager.Set(bounds()); err != nil {
		return fmt.Errorf("bound lxcfs: %w", err)
	}
	return nil
}

// remove kills what is in the cgroup, waits until it has ended, and removes the cgroup, which is then to be named anew. It is
// idempotent.
func (c *cgroup) remove(ctx context.Context) error {
	if err := linux.KillAll(ctx, c.pids); err != nil {
		return fmt.Errorf("end lxcfs: %w", err)
	}
	if err := c.manager.Destroy(); err != nil {
		return fmt.Errorf("remove cgroup of lxcfs: %w", err)
	}
	return nil
}

// pids lists the processes in the cgroup, in whatever hierarchy.
func (c *cgroup) pids() ([]int, error) {
	var all []int
	for _, path := range c.manager.GetPaths() {
		pids, err := cgroups.GetAllPids(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
			return nil, fmt.Errorf("list cgroup of lxcfs: %w", err)
		}
		all = append(all, pids...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
