package container

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A cgroup of v2 is asked to give back memory only where that is needed, and what it does not give back is named.
func TestReclaim(t *testing.T) {
	for name, tc := range map[string]struct {
		current string
		asked   string // what memory.reclaim was told
		used    int64  // of the InUseError; 0 is success
	}{
		"fits":       {"67108864\n", "", 0},
		"too little": {"209715200\n", "105906176", 209715200}, // 200 MiB less 100, and the margin
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"memory.current": tc.current, "memory.reclaim": ""} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := reclaim(dir, 100<<20)
		use, ok := errors.AsType[*InUseError](err)
		if ok != (tc.used > 0) || ok && use.Used != tc.used || !ok && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if asked, _ := os.ReadFile(filepath.Join(dir, "memory.reclaim")); string(asked) != tc.asked {
			t.Errorf("%s: asked for %q, want %q", name, asked, tc.asked)
		}
	}
	if err := reclaim(t.TempDir(), 100<<20); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no cgroup: %v", err)
	}
}
