package linux

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	first, err := ListenUnix(path, 0o660, -1, os.Getgid())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o660 {
		t.Errorf("mode %v, %v: want a socket of mode 0660", info.Mode(), err)
	}
	second, err := ListenUnix(path, 0o600, -1, -1)
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	conn, err := net.Dial("unix", path) // still there: it is the second one's
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What is in the way stays, and nothing is added.
func TestListenUnixOverDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	if err := os.MkdirAll(filepath.Join(path, "kept"), 0o700); err != nil {
		t.Fatal(err)
	}
	if l, err := ListenUnix(path, 0o600, -1, -1); err == nil {
		l.Close()
		t.Error("took the place of a directory")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v: want the directory alone", entries, err)
	}
}

func TestListenUnixLongPath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("s", MaxSocketPath-2-len(dir)))
	l, err := ListenUnix(path, 0o600, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if l, err := ListenUnix(path+"s", 0o600, -1, -1); err == nil || !strings.Contains(err.Error(), "106 is the most") {
		if err == nil {
			l.Close()
		}
		t.Errorf("a byte more: %v", err)
	}
}
