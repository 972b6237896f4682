//go:build root

package container

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func owner(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func TestIDs(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 2)
	spec.Data, spec.DataTarget = b.data(spec), "/var/lib/data"
	c := b.start(spec)
	base := idBase + 2*65536
	for _, w := range []struct {
		user, inside, host string
		want               int
	}{
		{"", "/etc/new", "upper/etc/new", base},
		{"", "/etc/motd", "upper/etc/motd", base}, // copied up
		{"owner", "/tmp/new", "upper/tmp/new", base + 1000},
		{"", "/var/lib/data/new", "data-upper/new", base},
	} {
		if r := run(t, c, w.user, "/probe", "write", w.inside); r.status != 0 {
			t.Errorf("write %s as %q: %+v", w.inside, w.user, r)
			continue
		}
		if got := owner(t, filepath.Join(b.dir, "alice", w.host)); got != w.want {
			t.Errorf("%s belongs to %d on the host, want %d", w.inside, got, w.want)
		}
	}
	for _, path := range []string{"/etc/not-mine", "/var/lib/data/not-mine"} {
		if r := run(t, c, "owner", "/probe", "write", path); r.status == 0 {
			t.Errorf("the owner wrote %s", path)
		}
	}
	if _, err := os.Stat(filepath.Join(b.image(), "etc/new")); err == nil {
		t.Error("the image was written")
	}
	if got := owner(t, filepath.Join(b.image(), "etc/motd")); got != 0 {
		t.Errorf("the image's file belongs to %d", got)
	}
}

func TestSetuid(t *testing.T) {
	b := newBox(t)
	program, err := os.ReadFile(probePath())
	must(t, err)
	for _, dir := range []string{"image", "alice/data-upper"} {
		must(t, os.MkdirAll(filepath.Join(b.dir, dir), 0o755))
	}
	spec := b.spec("alice", 0)
	spec.Data, spec.DataTarget = b.data(spec), "/var/lib/data"
	for path, uid := range map[string]int{"image/setuid": 0, "alice/data-upper/setuid": idBase} {
		path = filepath.Join(b.dir, path)
		must(t, os.WriteFile(path, program, 0o755))
		must(t, os.Chown(path, uid, uid))
		must(t, os.Chmod(path, 0o755|os.ModeSetuid))
	}
	c := b.start(spec)
	for path, want := range map[string]string{"/setuid": "1000 0\n", "/var/lib/data/setuid": "1000 1000\n"} { // the volume is nosuid
		if r := run(t, c, "owner", path, "whoami"); r.stdout != want {
			t.Errorf("%s runs as %+v, want %q", path, r, want)
		}
	}
}

func TestSmallFileSystems(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Limits.Memory = 256 << 20
	c := b.start(spec)
	for path, want := range map[string]int{"/run/full": 32 << 20, "/dev/shm/full": 64 << 20} {
		r := run(t, c, "", "/probe", "fill", path)
		var got int
		if _, err := fmt.Sscan(r.stdout, &got); err != nil || got > want || got < want-64<<10 {
			t.Errorf("%s took %+v, want %d", path, r, want)
		}
	}
}
