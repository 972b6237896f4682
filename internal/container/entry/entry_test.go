package entry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLaunchTakesOneRange(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"0"}, {"-1"}, {"root"}, {"4294967296"}, {"1000", "2000"}} {
		if pid, _, err := launch(args); err == nil {
			t.Errorf("launch %q started %d", args, pid)
		}
	}
}

func TestLoadFilterRefusesHalfAnInstruction(t *testing.T) {
	for _, program := range [][]byte{nil, {}, make([]byte, 7), make([]byte, 12)} {
		if err := loadFilter(program); err == nil || !strings.Contains(err.Error(), "bytes") {
			t.Errorf("program of %d bytes: %v", len(program), err)
		}
	}
}

// A mount point is a real directory beneath the root, however the site has arranged its disk.
func TestOpenTarget(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"root/var/lib/data", "outside"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"out": "../outside", "host": "/tmp", "in": "var", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(dir, "root", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "root/file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.Open(filepath.Join(dir, "root"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for path, good := range map[string]bool{
		"var": true, "var/lib/data": true,
		"out": false, "host": false, "in": false, "in/lib/data": false, "loop": false, "file": false, "none": false,
		"..": false, "../outside": false, "var/../../outside": false, "/tmp": false, "": false,
	} {
		f, err := openTarget(root, path)
		if (err == nil) != good {
			t.Errorf("%q: %v", path, err)
		}
		if err == nil {
			f.Close()
		} else if !strings.Contains(err.Error(), "/"+path) {
			t.Errorf("%q is not named in %v", path, err)
		}
	}
}
