//go:build root

package pool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A disk is made larger and smaller while it is used, and the kernel stops writers at the edge of the day.
func TestResize(t *testing.T) {
	p := open(t, loopOptions(t))
	d := Disk{Limit: 256 * mib, Reserve: 96 * mib}
	dir := create(t, p, "alice", 0, d)
	file := filepath.Join(dir.Root, "file")
	before := fill(t, file)

	larger := Disk{Limit: 320 * mib, Reserve: 96 * mib}
	for range 2 { // done twice it is as done once
		if err := p.Resize(t.Context(), "alice", larger); err != nil {
			t.Fatal(err)
		}
	}
	if got := limits(t, p, "alice"); got != larger {
		t.Errorf("limits %+v, want %+v", got, larger)
	}
	grown := fill(t, file)
	if grown > larger.files() || grown < before+60*mib {
		t.Errorf("the files took %d bytes, %d before; they may take %d", grown, before, larger.files())
	}

	if err := os.Remove(file); err != nil { // on a full disk a name can be deleted, and a file not made shorter
		t.Fatal(err)
	}
	if err := os.WriteFile(file, make([]byte, 100*mib), 0o600); err != nil {
		t.Fatal(err)
	}
	smaller := Disk{Limit: 208 * mib, Reserve: 96 * mib}
	if err := p.Resize(t.Context(), "alice", smaller); err != nil {
		t.Fatal(err)
	}
	if got := limits(t, p, "alice"); got != smaller {
		t.Errorf("limits %+v, want %+v", got, smaller)
	}
	if size := fill(t, file); size > smaller.files() || size < smaller.files()-2*mib {
		t.Errorf("the files took %d bytes of %d", size, smaller.files())
	}
	database := fill(t, filepath.Join(dir.Data, "file"))
	if database < smaller.Reserve-2*mib {
		t.Errorf("the database took %d bytes of its %d", database, smaller.Reserve)
	}
}

func TestResizeBelowUse(t *testing.T) {
	p := open(t, loopOptions(t))
	d := Disk{Limit: 256 * mib, Reserve: 96 * mib}
	dir := create(t, p, "alice", 0, d)
	for path, size := range map[string]int{filepath.Join(dir.Root, "file"): 120 * mib, filepath.Join(dir.Data, "file"): 40 * mib} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil { // most of it still waits in memory
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		to    Disk
		files bool
		text  string
	}{
		{Disk{Limit: 150 * mib, Reserve: 10 * mib}, false, "160MiB is in use"},
		{Disk{Limit: 200 * mib, Reserve: 96 * mib}, true, "120MiB is in use by files, which could have 104MiB"},
		// Not smaller, and yet less for files.
		{Disk{Limit: 300 * mib, Reserve: 190 * mib}, true, "120MiB is in use by files, which could have 110MiB"},
	} {
		err := p.Resize(t.Context(), "alice", tc.to)
		use, ok := errors.AsType[*InUseError](err)
		if !ok || use.Files != tc.files || !strings.HasPrefix(err.Error(), tc.text) {
			t.Errorf("%+v: %v, want %q", tc.to, err, tc.text)
		}
		if got := limits(t, p, "alice"); got != d {
			t.Errorf("%+v: limits %+v after a refusal, want %+v", tc.to, got, d)
		}
	}
	if err := p.Resize(t.Context(), "bob", d); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a site that is not there: %v", err)
	}
	if err := p.Resize(t.Context(), "alice", Disk{}); err == nil {
		t.Error("a disk of nothing was taken")
	}
}
