// Package container runs sites: namespaces, id maps, the assembly of the root, cgroups, capabilities and seccomp; it
// starts, stops, adopts and enters containers. It knows no site's record, no network beyond the namespace it hands
// out, and trusts nothing that comes from inside.
package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// ErrNotRunning is returned by Adopt for a site whose PID 1 does not run.
var ErrNotRunning = errors.New("not running")

// Options of New.
type Options struct {
	Instance string       // prefix of cgroups and scopes
	RunDir   string       // sockets and PIDs of running containers lie below RunDir/sites
	StateDir string       // the copy of logis-init that containers execute lies in StateDir/bin
	Init     string       // the logis-init binary to copy
	Disks    []linux.Disk // that the containers' file systems lie on
	Log      *slog.Logger
	// View returns detached mounts that show a container what it has, each named by its place below the root; the container
	// closes them. An error is a warning of the container. nil shows it what the host has.
	View func(container string) ([]*os.File, error)
}

// Runtime makes and finds containers.
type Runtime struct {
	opts   Options
	binary string // mode 0711: the containers' ids can execute it and not read it
	filter []byte
}

// New prepares the host: logis-init's copy, the compiled seccomp filter, the instance's cgroup.
func New(opts Options) (*Runtime, error) {
	filter, err := compileFilter(keptNames())
	if err != nil {
		return nil, err
	}
	r := &Runtime{opts: opts, binary: filepath.Join(opts.StateDir, "bin", "logis-init"), filter: filter}
	if err := r.installInit(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.dir(""), 0o700); err != nil {
		return nil, fmt.Errorf("make run directory: %w", err)
	}
	return r, errors.Join(ensureParent(opts.Instance), fault.Point("host: cgroup"))
}

// installInit copies logis-init to a place and mode of our own, by rename: containers that run keep the old file. Since
// the containers' ids cannot read it, the kernel keeps root of a site from tracing PID 1 and from opening its exe, mem,
// environ and fd (execve(2), "would_dump").
func (r *Runtime) installInit() error {
	content, err := os.ReadFile(r.opts.Init)
	if err != nil {
		return fmt.Errorf("read logis-init: %w", err)
	}
	dir := filepath.Dir(r.binary)
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return fmt.Errorf("make directory of logis-init: %w", err)
	}
	if err := linux.RemoveTemporary(r.binary); err != nil {
		return fmt.Errorf("clean directory of logis-init: %w", err)
	}
	if current, err := os.ReadFile(r.binary); err == nil && string(current) == string(content) {
		return os.Chmod(r.binary, 0o711)
	}
	if err := renameio.WriteFile(r.binary, content, 0o711, renameio.IgnoreUmask(), renameio.WithTempDir(dir)); err != nil {
		return fmt.Errorf("install logis-init: %w", err)
	}
	return nil
}

// dir is where the socket and the PID of a container lie.
func (r *Runtime) dir(name string) string { return filepath.Join(r.opts.RunDir, "sites", name) }

// Names lists the containers that left something in the run directory, running or not.
func (r *Runtime) Names() ([]string, error) {
	entries, err := os.ReadDir(r.dir(""))
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// Down removes the instance's cgroup; no container may run.
func (r *Runtime) Down() error { return removeParent(r.opts.Instance) }

// Remove ends whatever is left of a container and takes away its cgroup and run directory. It is idempotent, and works
// on what a crash left half-made.
func (r *Runtime) Remove(ctx context.Context, name string) error {
	c, err := r.Adopt(name)
	if err == nil {
		if err := c.Kill(ctx); err != nil {
			return errors.Join(err, c.Close())
		}
		return c.Release(ctx)
	}
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	group, err := r.newCgroup(name, Limits{})
	if err != nil {
		return err
	}
	if err := group.empty(ctx); err != nil {
		return err
	}
	return errors.Join(group.remove(), r.removeDir(name))
}

func (r *Runtime) removeDir(name string) error {
	if name != filepath.Base(name) || name == "." || !filepath.IsLocal(name) {
		return fmt.Errorf("remove run directory of %q: %w", name, fs.ErrInvalid)
	}
	if err := os.RemoveAll(r.dir(name)); err != nil {
		return fmt.Errorf("remove run directory: %w", err)
	}
	return nil
}
