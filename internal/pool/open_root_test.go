//go:build root

package pool

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

func TestOpenTwice(t *testing.T) {
	o := loopOptions(t)
	p := open(t, o)
	create(t, p, "alice", 0, Disk{Limit: 256 * mib, Reserve: 96 * mib})
	before, devices := state(t, p), loops(t, o.LoopFile)
	if len(devices) != 1 {
		t.Fatalf("loop devices %v", devices)
	}
	if dio := run(t, "losetup", "--noheadings", "--output", "DIO,AUTOCLEAR,LOG-SEC", devices[0]); strings.Join(
		strings.Fields(dio), " ") != "1 1 4096" {
		t.Errorf("direct I/O, autoclear, sector size: %s", dio)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}

	p = open(t, o) // still mounted
	if diff := cmp.Diff(before, state(t, p)); diff != "" {
		t.Errorf("open again while mounted:\n%s", diff)
	}
	if diff := cmp.Diff(devices, loops(t, o.LoopFile)); diff != "" {
		t.Errorf("loop devices after open again:\n%s", diff)
	}
	if err := errors.Join(p.Close(), p.Unmount(t.Context())); err != nil {
		t.Fatal(err)
	}
	if left := loops(t, o.LoopFile); len(left) > 0 {
		t.Errorf("loop devices after unmount: %v", left)
	}

	p = open(t, o) // unmounted
	if diff := cmp.Diff(before, state(t, p)); diff != "" {
		t.Errorf("open after unmount:\n%s", diff)
	}
}

// An Open that died at any point is finished by the next.
func TestOpenAfterCrash(t *testing.T) {
	t.Run("file half made", func(t *testing.T) {
		o := loopOptions(t)
		if err := os.WriteFile(o.LoopFile+".new", []byte("left over"), 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, o)
		if _, err := os.Lstat(o.LoopFile + ".new"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("left-over file: %v", err)
		}
	})
	t.Run("attached and not mounted", func(t *testing.T) {
		o := loopOptions(t)
		if err := makeLoopFile(t.Context(), o.LoopFile, o.Size); err != nil {
			t.Fatal(err)
		}
		run(t, "losetup", "--find", o.LoopFile) // without autoclear
		before := loops(t, o.LoopFile)
		open(t, o)
		if diff := cmp.Diff(before, loops(t, o.LoopFile)); diff != "" || len(before) != 1 {
			t.Errorf("loop devices %v:\n%s", before, diff)
		} // that it detaches itself is checked by the cleanup of open
	})
	t.Run("draft left", func(t *testing.T) {
		o := loopOptions(t)
		p := open(t, o)
		before := state(t, p)
		for _, name := range []string{"one", "two"} {
			d, err := p.CreateDraft(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if name == "two" { // died while it was being committed
				if err := os.Rename(d.Path(), p.imagePath(".lemp@1.two")); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p = open(t, o)
		sweptTo(t, p, before)
	})
}

func TestOpenGrows(t *testing.T) {
	o := loopOptions(t)
	p := open(t, o)
	_, small, err := p.Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	o.Size += 1 << 30
	p = open(t, o)
	free, total, err := p.Free(t.Context())
	if err != nil || total != small+1<<30 || free < total*3/4 || free > total {
		t.Errorf("free %d of %d, %v; was %d", free, total, err, small)
	}
}

func TestOpenRefuses(t *testing.T) {
	refused := func(t *testing.T, o Options, want string) {
		t.Helper()
		p, err := Open(t.Context(), o)
		if err == nil {
			p.Close()
			t.Fatal("opened")
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q does not say %q in one line", err, want)
		}
		t.Log(err)
		if left := loops(t, o.LoopFile); len(left) > 0 {
			t.Errorf("loop devices left: %v", left)
		}
	}
	unmounted := func(t *testing.T) Options {
		o := loopOptions(t)
		p := open(t, o)
		if err := errors.Join(p.Close(), p.Unmount(t.Context())); err != nil {
			t.Fatal(err)
		}
		return o
	}
	t.Run("not btrfs", func(t *testing.T) {
		dir := t.TempDir()
		refused(t, Options{Path: dir, LoopFile: "/none"}, "is not on a btrfs")
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("left in the directory: %v, %v", entries, err)
		}
	})
	t.Run("loop file gone", func(t *testing.T) {
		o := unmounted(t)
		if err := os.Remove(o.LoopFile); err != nil {
			t.Fatal(err)
		}
		refused(t, o, "is gone: put it back")
	})
	t.Run("loop file gone with sites", func(t *testing.T) {
		o := loopOptions(t) // the state directory was copied without what lay in the mount point
		o.Sites = []string{"alice", "bob"}
		refused(t, o, "is gone: with it the disks of alice, bob are missed")
		if _, err := os.Lstat(o.LoopFile); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a loop file was made: %v", err)
		}
	})
	t.Run("an empty pool for sites", func(t *testing.T) {
		o := loopOptions(t)
		o.Sites = []string{"a", "b", "c", "d", "e", "f", "g"}
		if err := makeLoopFile(t.Context(), o.LoopFile, o.Size); err != nil {
			t.Fatal(err)
		}
		refused(t, o, "the disks of a, b, c, d, e and 2 more are missed")
		if out, err := exec.Command("mountpoint", "-q", o.MountPoint).CombinedOutput(); err == nil {
			t.Errorf("still mounted %s", out)
		}
	})
	t.Run("an empty directory for sites", func(t *testing.T) {
		host := open(t, loopOptions(t))
		dir := filepath.Join(host.Dir(), "mnt")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		refused(t, Options{Path: dir, LoopFile: "/none", Sites: []string{"alice"}}, "holds no pool of logis")
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("made in it: %v, %v", left, err)
		}
	})
	t.Run("loop file of noise", func(t *testing.T) {
		o := unmounted(t)
		noise := make([]byte, 1<<20)
		_, _ = rand.Read(noise)
		if err := os.WriteFile(o.LoopFile, noise, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, o, "not a btrfs file system")
		if data, err := os.ReadFile(o.LoopFile); err != nil || !bytes.Equal(data, noise) {
			t.Errorf("it was changed: %v", err)
		}
	})
	t.Run("loop file cut off", func(t *testing.T) {
		o := unmounted(t)
		if err := os.Truncate(o.LoopFile, 1<<30); err != nil {
			t.Fatal(err)
		}
		refused(t, o, "is cut off: it has 1073741824 of the 2147483648 bytes")
		if info, err := os.Stat(o.LoopFile); err != nil || info.Size() != 1<<30 {
			t.Errorf("it was changed: %v, %v", info.Size(), err)
		}
	})
	t.Run("loop file is something else", func(t *testing.T) {
		o := loopOptions(t)
		if err := os.WriteFile(o.LoopFile, make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, o, "not a btrfs file system")
	})
	t.Run("something else mounted", func(t *testing.T) {
		o := unmounted(t)
		if err := unix.Mount("tmpfs", o.MountPoint, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		refused(t, o, "something else")
		if err := unix.Unmount(o.MountPoint, 0); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("simple quotas", func(t *testing.T) {
		p := open(t, loopOptions(t))
		args := [2]uint64{4, 0} // BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA
		run(t, "btrfs", "quota", "disable", p.Dir())
		if err := enableSimple(p.root, &args); err != nil {
			t.Skipf("no simple quotas in this kernel: %v", err)
		}
		refused(t, Options{Path: p.Dir(), LoopFile: "/none"}, "simple quotas")
	})
}

// The index of a site is known from either of its subvolumes, and from nothing else.
func TestSiteIndex(t *testing.T) {
	p := open(t, loopOptions(t))
	disk := Disk{Limit: 256 * mib}
	create(t, p, "alice", 0, disk)
	create(t, p, "bob", 4242, disk)
	want := func(name string, index int, known bool) {
		t.Helper()
		if got, ok := p.SiteIndex(name); got != index || ok != known {
			t.Errorf("%s: index %d, %v; want %d, %v", name, got, ok, index, known)
		}
	}
	want("alice", 0, true)
	want("bob", 4242, true)
	for _, path := range p.paths("bob").subvolumes() {
		if err := p.deleteSubvolume(path); err != nil {
			t.Fatal(err)
		}
		want("bob", map[bool]int{true: 4242}[strings.HasSuffix(path, "root")], strings.HasSuffix(path, "root"))
	}
	if err := os.Remove(p.siteDir("bob")); err != nil {
		t.Fatal(err)
	}
	create(t, p, "carol", 4242, disk) // a later generation of groups, while bob's are not freed
	want("carol", 4242, true)
	for _, name := range []string{"bob", "nobody", "../images", ""} {
		want(name, 0, false)
	}
	if err := os.Mkdir(p.siteDir("dave"), 0o700); err != nil {
		t.Fatal(err)
	}
	want("dave", 0, false)
}

// Two pools and a stranger share one file system and leave each other's quota groups alone.
func TestSharedFileSystem(t *testing.T) {
	host := open(t, loopOptions(t))
	if err := linux.BtrfsCreateQgroup(host.root, linux.NewBtrfsQgroup(1, 3*groupsOfPool+5)); err != nil {
		t.Fatal(err)
	}
	path := func(name string) string {
		dir := filepath.Join(host.Dir(), name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	one, two := open(t, Options{Path: path("one")}), open(t, Options{Path: path("two")})
	if diff := cmp.Diff([]uint64{1e9, 2e9, 4e9}, []uint64{host.base, one.base, two.base}); diff != "" {
		t.Errorf("ranges (-want +got):\n%s", diff)
	}
	before := state(t, host)
	for _, p := range []*Pool{host, one, two} {
		create(t, p, "alice", 0, Disk{Limit: 256 * mib})
	}
	for _, p := range []*Pool{host, one, two} {
		if err := p.DeleteSite(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		if err := p.Sweep(deadline(t)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, state(t, host)); diff != "" {
		t.Errorf("left-overs (-before +after):\n%s", diff)
	}
	if err := two.Close(); err != nil {
		t.Fatal(err)
	}
	if two = open(t, Options{Path: path("two")}); two.base != 4e9 {
		t.Errorf("range after open again: %d", two.base)
	}
}

func TestDraft(t *testing.T) {
	p := open(t, loopOptions(t))
	before := state(t, p)
	draft := func(name string) *Draft {
		d, err := p.CreateDraft(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.Path(), "etc"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		return d
	}
	first, second := draft("first"), draft("second")
	if _, err := p.CreateDraft(t.Context(), "first"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("draft of a taken name: %v", err)
	}
	path, err := first.Commit(t.Context(), "lemp@sha256-1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := second.Commit(t.Context(), "lemp@sha256-1"); err != nil || again != path {
		t.Errorf("commit of the same digest: %q, %v; want %q", again, err, path)
	}
	if text, err := os.ReadFile(filepath.Join(path, "etc")); err != nil || string(text) != "first" {
		t.Errorf("image holds %q, %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(path, "new"), nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to an image: %v", err)
	}
	if images, err := p.Images(); err != nil || !cmp.Equal(images, []string{"lemp@sha256-1"}) {
		t.Errorf("images %v, %v", images, err)
	}
	if _, err := p.Image("lemp@sha256-2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing image: %v", err)
	}
	for _, name := range []string{"lemp", "@x", "a@", "../a@b", ".a@b"} {
		if _, err := p.Image(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("image name %q: %v", name, err)
		}
	}
	third := draft("third")
	for range 2 {
		if err := errors.Join(first.Discard(t.Context()), third.Discard(t.Context())); err != nil {
			t.Errorf("discard: %v", err)
		}
	}
	if _, err := p.Image("lemp@sha256-1"); err != nil {
		t.Errorf("image after discard of its draft: %v", err)
	}
	for range 2 {
		if err := p.DeleteImage(t.Context(), "lemp@sha256-1"); err != nil {
			t.Errorf("delete image: %v", err)
		}
	}
	sweptTo(t, p, before)
}
