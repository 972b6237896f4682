//go:build root

package site

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// On a full disk a change is refused in one line; the old records stay whole, and no temporary file is left.
func TestFullDisk(t *testing.T) {
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and its mount namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	records := filepath.Join(dir, "sites")
	s := open(t, records)
	reserve(t, s, spec("alice"))
	reserve(t, s, spec("bob"))
	fillUp(t, filepath.Join(dir, "ballast"))
	before := files(t, records)

	_, create := s.Reserve(spec("carol"), "0123456789ab", Running)
	_, stop := s.Update("alice", func(r *Record) { r.Desired = Stopped })
	for act, err := range map[string]error{"create": create, "stop": stop} {
		if err == nil || !strings.Contains(err.Error(), "no space is left in "+records) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", act, err)
		}
	}
	if rec, err := s.Get("alice"); err != nil || rec.Desired != Running {
		t.Errorf("alice is %+v, %v after a refused change", rec, err)
	}
	if diff := cmp.Diff(before, files(t, records)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	// A site can still be given up, and what it had makes room.
	if err := s.Release("alice"); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update("bob", func(r *Record) { r.Desired = Stopped }); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = fmt.Fprint(f, strings.Repeat("x", 512))
	}
}
