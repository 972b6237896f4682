package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"github.com/opencontainers/cgroups/systemd"

	"github.com/logis-project/logis/internal/linux"
)

// Cgroups lists the containers that have a cgroup of the instance, running or not, in whatever hierarchy, sorted.
func (r *Runtime) Cgroups() ([]string, error) {
	parents, err := r.parentPaths()
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, dir := range parents {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // of a hierarchy that no container has been in
		}
		if err != nil {
			return nil, fmt.Errorf("list cgroups of %s: %w", r.opts.Instance, err)
		}
		for _, e := range entries {
			if name, ok := r.cgroupOf(e); ok {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// cgroupOf is the container whose cgroup a directory below the instance's own is.
func (r *Runtime) cgroupOf(e fs.DirEntry) (string, bool) {
	if !e.IsDir() {
		return "", false
	}
	if !systemd.IsRunningSystemd() {
		return e.Name(), true
	}
	name, ours := strings.CutPrefix(e.Name(), r.opts.Instance+"-")
	name, scope := strings.CutSuffix(name, ".scope")
	return name, ours && scope && name != ""
}

// parentPaths are the instance's own cgroup in every hierarchy.
func (r *Runtime) parentPaths() ([]string, error) {
	config := &cgroups.Cgroup{Resources: &cgroups.Resources{SkipDevices: true}}
	if systemd.IsRunningSystemd() {
		config.Systemd = true
		config.Parent, config.Name = parentSlice(r.opts.Instance), r.opts.Instance+".slice"
	} else {
		config.Path = "/" + r.opts.Instance
	}
	parent, err := manager.New(config)
	if err != nil {
		return nil, fmt.Errorf("name cgroup %s: %w", r.opts.Instance, err)
	}
	return slices.Collect(maps.Values(parent.GetPaths())), nil
}

// Processes lists those in the cgroup of a container, of all hierarchies; none when it has none.
func (r *Runtime) Processes(name string) ([]int, error) {
	group, err := r.newCgroup(name, Limits{})
	if err != nil {
		return nil, err
	}
	return group.everywhere()
}

// everywhere lists the processes in the cgroup, whichever hierarchy has them. pids, which is faster, knows those that were
// put there by join.
func (c *cgroup) everywhere() ([]int, error) {
	found := map[int]bool{}
	for _, path := range c.manager.GetPaths() {
		pids, err := pidsIn(path)
		if err != nil {
			return nil, err
		}
		for _, pid := range pids {
			found[pid] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// Running reports whether PID 1 of a container lives, as its run directory says.
func (r *Runtime) Running(name string) (bool, error) {
	c, err := r.Adopt(name)
	if errors.Is(err, ErrNotRunning) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, c.Close()
}

// Clear is Remove for a container without a site: it also ends processes that someone else put into its cgroup, in
// whatever hierarchy.
func (r *Runtime) Clear(ctx context.Context, name string) error {
	group, err := r.newCgroup(name, Limits{})
	if err != nil {
		return err
	}
	if err := linux.KillAll(ctx, group.everywhere); err != nil {
		return err
	}
	return r.Remove(ctx, name)
}

// CheckLimits compares the limits in force with l, and says which is another. It is nil where they are the same.
func (c *Container) CheckLimits(l Limits) error {
	r := c.cgroup.enforceable(l)
	if _, err := os.Stat(c.cgroup.manager.Path("memory")); err != nil {
		return fmt.Errorf("find cgroup: %w", err)
	}
	if err := c.cgroup.verify(r); err != nil {
		return err
	}
	if err := c.cgroup.checkIO(l); err != nil {
		return err
	}
	return c.checkOpenFiles(l.OpenFiles)
}

// ControlSocket reports whether the socket is there by which the site is entered.
func (c *Container) ControlSocket() bool {
	info, err := os.Lstat(filepath.Clean(c.controlPath()))
	return err == nil && info.Mode()&fs.ModeSocket != 0
}

// Weights are the shares of the site's where several want more than there is, as files of its cgroup and what they read.
func (c *Container) Weights() []string {
	var held []string
	for _, w := range [...]struct{ controller, file string }{
		{"cpu", "cpu.weight"}, {"cpu", "cpu.shares"}, {"io", "io.weight"}, {"io", "io.bfq.weight"}, {"blkio", "blkio.bfq.weight"},
	} {
		if text, err := os.ReadFile(filepath.Join(c.cgroup.manager.Path(w.controller), w.file)); err == nil {
			first, _, _ := strings.Cut(string(text), "\n") // below it are those of single disks
			held = append(held, w.file+" "+strings.TrimPrefix(first, "default "))
		}
	}
	return held
}

// BoundsIO tells whether this host holds a site to bytes a second of its disks, at least where it waits for them.
func (c *Container) BoundsIO() bool { return c.cgroup.ioDir() != "" && len(c.cgroup.disks) > 0 }
