package linux

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestOwner(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]fs.FileMode{"file": 0, "link": fs.ModeSymlink} {
		mode, uid, gid, err := Owner(root, name)
		if err != nil || mode.Type() != want || uid != uint32(os.Getuid()) || gid != uint32(os.Getgid()) {
			t.Errorf("%s: %v of %d:%d, %v", name, mode, uid, gid, err)
		}
	}
	if _, _, _, err := Owner(root, "none"); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}
