//go:build root

package container

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// PID 1 goes on without its services' directory and without an empty /tmp, and what it complains of reaches logisd, also
// one that started later.
func TestLastWordsOfPID1(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Data, spec.DataTarget = b.data(spec), "/tmp"
	must(t, os.Chown(spec.Data.Upper, 0, 0)) // nobody's in there: its mode cannot be changed
	services := filepath.Join(spec.Layers.Upper, "etc/logis/services")
	must(t, os.MkdirAll(filepath.Dir(services), 0o755))
	must(t, os.Chmod(filepath.Join(spec.Layers.Upper, "etc"), 0o755))
	must(t, os.WriteFile(services, nil, 0o644))
	c := b.start(spec)
	if r := run(t, c, "", "/probe", "whoami"); r.status != 0 {
		t.Errorf("exec: %+v", r)
	}
	const want = "logis-init: /tmp was not emptied: operation not permitted"
	if got := c.LastWords(); got != want {
		t.Errorf("last words %q, want %q", got, want)
	}
	again, err := b.open().Adopt("alice")
	must(t, err)
	defer again.Close()
	must(t, c.Kill(t.Context()))
	if got := again.LastWords(); got != want {
		t.Errorf("last words after the end %q, want %q", got, want)
	}
}

// On a disk that has no room for overlayfs's own directory the root would be read-only.
func TestStartOnFullDisk(t *testing.T) {
	b := newBox(t)
	for _, full := range []string{"root", "data"} {
		t.Run(full, func(t *testing.T) {
			disk := filepath.Join(b.dir, full)
			must(t, os.Mkdir(disk, 0o755))
			must(t, unix.Mount("full", disk, "tmpfs", 0, "nr_inodes=3,mode=755")) // its top and two directories
			defer func() { must(t, unix.Unmount(disk, 0)) }()
			upper, work := filepath.Join(disk, "upper"), filepath.Join(disk, "work")
			must(t, errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o755)))
			spec := b.spec("alice", 0)
			if full == "root" {
				spec.Layers.Upper, spec.Layers.Work = upper, work
			} else {
				spec.Data, spec.DataTarget = b.data(spec), "/var/lib/data"
				spec.Data.Upper, spec.Data.Work = upper, work
			}
			c, err := b.runtime.Create(t.Context(), spec)
			must(t, err)
			if err := c.Start(t.Context()); !errors.Is(err, ErrReadOnly) {
				t.Errorf("start says %v", err)
			}
			b.end(c)
		})
	}
}

// Kill waits for the limit, which knows PID 1 by its number.
func TestKillWaitsForLimit(t *testing.T) {
	child := exec.Command("sleep", "1000")
	must(t, child.Start())
	pidfd, err := linux.OpenPidfd(child.Process.Pid)
	must(t, err)
	c := &Container{pidfd: pidfd, done: make(chan struct{}), limited: make(chan struct{})}
	c.watchers.Go(c.watch)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Kill(ctx); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "limits") || linux.PidfdEnded(pidfd) {
		t.Errorf("kill before the limit: %v, ended %v", err, linux.PidfdEnded(pidfd))
	}
	close(c.limited)
	must(t, c.Kill(t.Context()))
	must(t, c.Close())
	_ = child.Wait()
}
