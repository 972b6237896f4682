//go:build root

package pool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// remount mounts an overlay that was mounted before, and says whether it came up writable.
func remount(t *testing.T, lower, upper string) (writable bool) {
	t.Helper()
	root := t.TempDir()
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, upper, upper)
	if err := unix.Mount("overlay", root, "overlay", 0, options); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	}()
	var st unix.Statfs_t
	if err := unix.Statfs(root, &st); err != nil {
		t.Fatal(err)
	}
	return st.Flags&unix.ST_RDONLY == 0
}

// exhaust uses a site's disk up to the last name.
func exhaust(t *testing.T, dir string) {
	t.Helper()
	fill(t, filepath.Join(dir, "big"))
	for i := range 100000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("small", i)), []byte("x"), 0o600); err != nil {
			if !errors.Is(err, unix.EDQUOT) {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("the disk is never full")
}

// limits of a site as the kernel holds them.
func limits(t *testing.T, p *Pool, name string) Disk {
	t.Helper()
	whole, root, err := p.siteGroups(name)
	if err != nil {
		t.Fatal(err)
	}
	limit, err := linux.BtrfsQgroupLimit(p.root, whole)
	if err != nil {
		t.Fatal(err)
	}
	files, err := linux.BtrfsQgroupLimit(p.root, root)
	if err != nil {
		t.Fatal(err)
	}
	return Disk{Limit: limit, Reserve: limit - files}
}

func TestHeadroomMountsAFullDisk(t *testing.T) {
	for name, full := range map[string]func(t *testing.T, dir SiteDir){
		"root":          func(t *testing.T, dir SiteDir) { exhaust(t, filepath.Join(dir.Root, "upper")) },
		"root and data": func(t *testing.T, dir SiteDir) { exhaust(t, filepath.Join(dir.Root, "upper")); exhaust(t, dir.Data) },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, loopOptions(t))
			d := Disk{Limit: 96 * mib, Reserve: 32 * mib}
			dir := create(t, p, "alice", 0, d)
			for _, sub := range []string{"upper", "work"} {
				if err := os.Mkdir(filepath.Join(dir.Root, sub), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			lower := t.TempDir()
			if !remount(t, lower, dir.Root) {
				t.Fatal("read-only with room")
			}
			full(t, dir)
			if remount(t, lower, dir.Root) {
				t.Fatal("this disk is not full")
			}
			for range 3 {
				restore, err := p.Headroom(t.Context(), "alice", d)
				if err != nil {
					t.Fatal(err)
				}
				if !remount(t, lower, dir.Root) {
					t.Error("read-only with headroom")
				}
				if err := restore(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := limits(t, p, "alice"); got != d {
					t.Errorf("limits %+v after restore, want %+v", got, d)
				}
			}
			if err := os.WriteFile(filepath.Join(dir.Root, "upper", "new"), make([]byte, mib), 0o600); !errors.Is(err, unix.EDQUOT) {
				t.Errorf("write after restore: %v", err)
			}
			if err := os.Remove(filepath.Join(dir.Root, "upper", "big")); err != nil {
				t.Errorf("delete on a full disk: %v", err)
			}
		})
	}
}

// A disk that was made smaller than what lies on it still gives room to start.
func TestHeadroomBelowUsage(t *testing.T) {
	p := open(t, loopOptions(t))
	dir := create(t, p, "alice", 0, Disk{Limit: 96 * mib, Reserve: 32 * mib})
	for _, sub := range []string{"upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir.Root, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	exhaust(t, filepath.Join(dir.Root, "upper"))
	if err := linux.BtrfsCommit(p.root); err != nil {
		t.Fatal(err)
	}
	small := Disk{Limit: 48 * mib, Reserve: 16 * mib}
	restore, err := p.Headroom(t.Context(), "alice", small)
	if err != nil {
		t.Fatal(err)
	}
	if !remount(t, t.TempDir(), dir.Root) {
		t.Error("read-only with headroom")
	}
	if err := restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := limits(t, p, "alice"); got != small {
		t.Errorf("limits %+v, want %+v", got, small)
	}
}

// Limits that a crash left raised are mended by the next Open; the site can be deleted meanwhile.
func TestHeadroomAfterCrash(t *testing.T) {
	o := loopOptions(t)
	p := open(t, o)
	before := state(t, p)
	d := Disk{Limit: 96 * mib, Reserve: 32 * mib}
	for i, name := range []string{"alice", "bob"} {
		create(t, p, name, i, d)
		if _, err := p.Headroom(t.Context(), name, d); err != nil {
			t.Fatal(err)
		}
		if got := limits(t, p, name); got.Limit != d.Limit+headroom || got.Reserve != d.Reserve {
			t.Errorf("limits with headroom %+v", got)
		}
	}
	if err := p.DeleteSite(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, o)
	if got := limits(t, p, "alice"); got != d {
		t.Errorf("limits %+v after a crash, want %+v", got, d)
	}
	entries, err := os.ReadDir(p.siteDir("alice"))
	if err != nil || len(entries) != 2 || strings.Contains(fmt.Sprint(entries), headroomMark) {
		t.Errorf("beside the site: %v, %v", entries, err)
	}
	if err := p.DeleteSite(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	sweptTo(t, p, before)
}
