package linux

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRemoveTemporary(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"state", ".state123", ".state", ".state123x", ".stateful1", ".other9"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveTemporary(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if diff := cmp.Diff([]string{".other9", ".state", ".state123x", ".stateful1", "state"}, left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}
