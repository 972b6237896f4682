package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/testhost"
)

// The limits of every site, which are the defaults of logis.toml.
const (
	limitMemory = 512 << 20 // bytes
	limitSwap   = 1 << 30   // bytes, beside memory
	limitPIDs   = 512
	limitPeriod = 100_000 // microseconds, cpu.cfs_period_us
	limitQuota  = 100_000 // of one processor
	limitDisk   = "2G"
)

// cgroupParent is where the cgroups of peers' sites lie, which the sweep of a killed run knows.
func cgroupParent() string { return "/" + testhost.Instance() }

// cell is the cgroup of a site whose engine makes none, with the limits of all.
type cell struct{ cgroups.Manager }

func newCell(name string) (cell, error) {
	pids := int64(limitPIDs)
	m, err := manager.New(&cgroups.Cgroup{Path: filepath.Join(cgroupParent(), name), Resources: &cgroups.Resources{
		Memory: limitMemory, MemorySwap: limitMemory + limitSwap, PidsLimit: &pids,
		CpuPeriod: limitPeriod, CpuQuota: limitQuota, SkipDevices: true,
	}})
	return cell{m}, err
}

// start starts a program in the cell. It waits there for the function returned.
func (c cell) start(cmd *exec.Cmd) (release func() error, err error) {
	cmd.Args = append([]string{"sh", "-c", `read -r go; exec "$@" </dev/null`, "sh"}, cmd.Args...)
	cmd.Path = "/bin/sh"
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := c.Apply(cmd.Process.Pid); err != nil {
		return nil, fmt.Errorf("join cgroup: %w", err)
	}
	if err := c.Set(c.config()); err != nil {
		return nil, fmt.Errorf("set limits: %w", err)
	}
	return func() error {
		_, err := io.WriteString(stdin, "go\n")
		stdin.Close()
		return err
	}, nil
}

func (c cell) config() *cgroups.Resources {
	config, err := c.GetCgroups()
	if err != nil {
		return nil
	}
	return config.Resources
}

// kill ends all that is in the cell.
func (c cell) kill() error {
	pids, err := cgroups.GetAllPids(c.Path("memory"))
	for _, pid := range pids {
		if killErr := unix.Kill(pid, unix.SIGKILL); !errors.Is(killErr, unix.ESRCH) {
			err = errors.Join(err, killErr)
		}
	}
	return err
}

// remove returns when the cell is gone; whoever was in it has ended.
func (c cell) remove(ctx context.Context) error {
	return poll(ctx, time.Millisecond, c.Destroy)
}
