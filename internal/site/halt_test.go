package site

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHalt(t *testing.T) {
	dir := t.TempDir()
	h := NewHalt(dir)
	wanted := func(want bool, when string) {
		t.Helper()
		if got, err := h.Wanted(); err != nil || got != want {
			t.Errorf("%s: got %v and %v, want %v", when, got, err, want)
		}
	}
	wanted(false, "at first")
	for range 2 {
		if err := h.Set(); err != nil {
			t.Fatal(err)
		}
		wanted(true, "set")
	}
	if err := os.WriteFile(filepath.Join(dir, "halted"), []byte("the boot before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wanted(false, "after a reboot")
	for range 2 {
		if err := h.Clear(); err != nil {
			t.Fatal(err)
		}
		wanted(false, "cleared")
	}
}
