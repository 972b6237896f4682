//go:build root

package container

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A piece that is missing, or that the site has put something else in the place of, is named, and nothing is left.
func TestStartNamesWhatIsMissing(t *testing.T) {
	b := newBox(t)
	upper := func(path string) string { return filepath.Join(b.dir, "alice/upper", path) }
	link := func(t *testing.T, path, target string) {
		dir := upper("")
		for step := range strings.SplitSeq(filepath.Dir(path), "/") {
			dir = filepath.Join(dir, step)
			must(t, os.MkdirAll(dir, 0o755))
			must(t, os.Chown(dir, idBase, idBase))
			must(t, os.Chmod(dir, 0o755))
		}
		must(t, os.Symlink(target, upper(path)))
		must(t, os.Lchown(upper(path), idBase, idBase))
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, s *Spec)
		want   string
	}{
		"no image": {func(_ *testing.T, s *Spec) { s.Layers.Lower += "-gone" }, "image-gone"},
		"no layer": {func(_ *testing.T, s *Spec) { s.Layers.Upper += "-gone" }, "upper-gone"},
		"no volume": {func(_ *testing.T, s *Spec) {
			s.Data, s.DataTarget = b.data(*s), "/var/lib/data"
			s.Data.Upper += "-gone"
		}, "data-upper-gone"},
		"no target": {func(_ *testing.T, s *Spec) { s.Data, s.DataTarget = b.data(*s), "/var/lib/none" }, "/var/lib/none"},
		"target is a link": {func(t *testing.T, s *Spec) {
			s.Data, s.DataTarget = b.data(*s), "/var/lib/link"
			link(t, "var/lib/link", "/etc")
		}, "open var/lib/link: too many levels of symbolic links"},
		"target leads through a link": {func(t *testing.T, s *Spec) {
			s.Data, s.DataTarget = b.data(*s), "/var/way/lib/data"
			link(t, "var/way", "/var")
		}, "open var/way/lib/data: too many levels of symbolic links"},
		"target leads out": {func(_ *testing.T, s *Spec) { s.Data, s.DataTarget = b.data(*s), "/../tmp" }, "../tmp"},
		"proc is a link":   {func(t *testing.T, _ *Spec) { link(t, "proc", "/etc") }, "open proc: too many levels of symbolic links"},
		"dev is a link":    {func(t *testing.T, _ *Spec) { link(t, "dev", "/etc") }, "/dev"},
		"run is a file": {func(t *testing.T, _ *Spec) {
			must(t, os.WriteFile(upper("run"), nil, 0o755))
		}, "/run"},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.RemoveAll(filepath.Join(b.dir, "alice")))
			spec := b.spec("alice", 0)
			c.change(t, &spec)
			made, err := b.runtime.Create(t.Context(), spec)
			must(t, err)
			err = made.Start(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %q, want one line with %q", err, c.want)
			}
			b.end(made)
		})
	}
}

func TestCreateNamesWhatIsMissing(t *testing.T) {
	b := newBox(t)
	first := b.start(b.spec("alice", 0))
	if _, err := b.runtime.Create(t.Context(), b.spec("alice", 0)); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second alice: %v", err)
	}
	if r := run(t, first, "", "/probe", "whoami"); r.status != 0 {
		t.Errorf("the first one afterwards: %+v", r)
	}
	for name, want := range map[string]string{"no logis-init": "no such file", "broken logis-init": "launch:", "no such id": "0"} {
		spec := b.spec("bob", 1)
		r := b.open()
		switch name {
		case "no logis-init":
			r.binary += "-gone"
		case "broken logis-init":
			r.binary = "/bin/false"
		case "no such id":
			spec.IDBase = 0
		}
		_, err := r.Create(t.Context(), spec)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", name, err, want)
		}
		if _, err := os.Stat(r.dir("bob")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: run directory: %v", name, err)
		}
	}
}

// A logisd that dies between Create and Start takes the first process with it.
func TestFirstProcessEndsWithChannel(t *testing.T) {
	b := newBox(t)
	c, err := b.runtime.Create(t.Context(), b.spec("alice", 0))
	must(t, err)
	pid := c.PID()
	must(t, c.Close())
	ended(t, pid)
	if _, err := b.runtime.Adopt("alice"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("adopted it: %v", err)
	}
	must(t, b.runtime.Remove(t.Context(), "alice"))
}

// Wherever ctx ends, Create either succeeds or says so and leaves nothing.
func TestCreateCancelled(t *testing.T) {
	b := newBox(t)
	cancelled := 0
	for i := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		if i == 0 {
			cancel()
		}
		timer := time.AfterFunc(time.Duration(i)*250*time.Microsecond, cancel)
		c, err := b.runtime.Create(ctx, b.spec("alice", 0))
		if err == nil {
			err = c.Start(ctx)
			b.end(c)
		}
		timer.Stop()
		cancel()
		if err != nil {
			cancelled++
			if !errors.Is(err, context.Canceled) {
				t.Errorf("after %d × 250 µs: %v", i, err)
			}
		}
		if names, err := b.runtime.Names(); err != nil || len(names) > 0 {
			t.Fatalf("after %d × 250 µs: left %v, %v", i, names, err)
		}
	}
	if cancelled < 2 {
		t.Errorf("only %d of 40 were cancelled", cancelled)
	}
}

func TestStartGivesUpWithContext(t *testing.T) {
	b := newBox(t)
	c, err := b.runtime.Create(t.Context(), b.spec("alice", 0))
	must(t, err)
	defer b.end(c)
	must(t, unix.Kill(c.PID(), unix.SIGSTOP)) // it will never answer
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start says %v", err)
	}
}

func TestNetNS(t *testing.T) {
	b := newBox(t)
	c, err := b.runtime.Create(t.Context(), b.spec("alice", 0))
	must(t, err)
	ns, err := c.NetNS()
	must(t, err)
	ns.Close()
	must(t, c.Kill(t.Context()))
	if _, err := c.NetNS(); !errors.Is(err, errEnded) {
		t.Errorf("network namespace of a dead container: %v", err)
	}
	must(t, c.Release(t.Context()))
}
