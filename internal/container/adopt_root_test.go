//go:build root

package container

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// rewrite changes what the last logisd left about a container.
func rewrite(t *testing.T, c *Container, change func(*saved)) {
	t.Helper()
	data, err := os.ReadFile(c.statePath())
	must(t, err)
	var s saved
	must(t, json.Unmarshal(data, &s))
	change(&s)
	data, err = json.Marshal(s)
	must(t, err)
	must(t, os.WriteFile(c.statePath(), data, 0o600))
}

func TestAdopt(t *testing.T) {
	b := newBox(t)
	first, err := b.runtime.Create(t.Context(), b.spec("alice", 0))
	must(t, err)
	must(t, first.Start(t.Context()))
	must(t, first.Close())
	select {
	case <-first.Done():
		t.Error("Done after Close")
	default:
	}

	// The new logisd brings a new logis-init; containers that run keep the old one.
	program, err := os.ReadFile(initPath())
	must(t, err)
	newer := filepath.Join(b.dir, "newer")
	must(t, os.WriteFile(newer, append(program, 0), 0o755))
	b.runtime.opts.Init = newer
	b.runtime, err = New(b.runtime.opts)
	must(t, err)
	names, err := b.runtime.Names()
	must(t, err)
	if len(names) != 1 || names[0] != "alice" {
		t.Errorf("names are %v", names)
	}
	c, err := b.runtime.Adopt("alice")
	must(t, err)
	if c.PID() != first.PID() || !c.StartedAt().Equal(first.StartedAt()) {
		t.Errorf("adopted PID %d of %s, want %d of %s", c.PID(), c.StartedAt(), first.PID(), first.StartedAt())
	}
	if r := run(t, c, "", "/probe", "whoami"); r.stdout != "0 0\n" {
		t.Errorf("exec says %+v", r)
	}
	if u, err := c.Usage(); err != nil || u.PIDs == 0 {
		t.Errorf("usage is %+v, %v", u, err)
	}
	must(t, unix.Kill(c.PID(), unix.SIGKILL))
	<-c.Done()
	if _, err := b.runtime.Adopt("alice"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("adopted a dead container: %v", err)
	}
	must(t, c.Release(t.Context()))
	if _, err := b.runtime.Adopt("alice"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("adopted nothing: %v", err)
	}
}

func TestAdoptTrustsNoPIDAlone(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	thread, release := make(chan int), make(chan struct{})
	var holding sync.WaitGroup
	holding.Go(func() {
		linux.OnOwnThread(func() {
			thread <- unix.Gettid()
			<-release
		})
	})
	tid := <-thread
	for name, change := range map[string]func(*saved){
		"another start": func(s *saved) { s.StartTicks++ },
		"a thread":      func(s *saved) { s.PID = tid },
		"no process":    func(s *saved) { s.PID = 1 << 22 },
		"no PID":        func(s *saved) { s.PID = 0 },
		"a group":       func(s *saved) { s.PID = -c.pid },
		"ourselves":     func(s *saved) { s.PID = os.Getpid() },
	} {
		rewrite(t, c, func(s *saved) { s.PID, s.StartTicks = c.pid, c.startTicks })
		rewrite(t, c, change)
		if got, err := b.runtime.Adopt("alice"); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: adopted %+v, %v", name, got, err)
		}
	}
	close(release)
	holding.Wait()
	must(t, os.WriteFile(c.statePath(), []byte(`{"pid":`), 0o600))
	if _, err := b.runtime.Adopt("alice"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("half a file: %v", err)
	}
	if linux.PidfdEnded(c.pidfd) {
		t.Error("the container was ended")
	}
}

// What cannot be adopted, Remove still ends: by its cgroup.
func TestRemove(t *testing.T) {
	b := newBox(t)
	for name, leave := range map[string]func(*Container){
		"running":         func(*Container) {},
		"not to be found": func(c *Container) { rewrite(t, c, func(s *saved) { s.StartTicks++ }) },
		"half made":       func(c *Container) { must(t, os.Remove(c.statePath())) },
		"dead":            func(c *Container) { must(t, unix.Kill(c.PID(), unix.SIGKILL)) },
		"without a directory": func(c *Container) {
			must(t, os.RemoveAll(b.runtime.dir("alice")))
		},
	} {
		c, err := b.runtime.Create(t.Context(), b.spec("alice", 0))
		must(t, err)
		must(t, c.Start(t.Context()))
		pid := c.PID()
		inside, stop := probePID(t, c)
		leave(c)
		must(t, c.Close())
		for range 2 {
			if err := b.runtime.Remove(t.Context(), "alice"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		stop()
		ended(t, pid)
		ended(t, inside)
		if _, err := os.Stat(b.runtime.dir("alice")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: run directory: %v", name, err)
		}
		if _, err := os.Stat(c.cgroup.manager.Path("pids")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: cgroup: %v", name, err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b"} {
		if err := b.runtime.removeDir(name); err == nil {
			t.Errorf("removed the run directory of %q", name)
		}
	}
}
