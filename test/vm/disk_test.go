//go:build vm

package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// diskSize holds the system and the pool; the file is sparse.
const diskSize = 24 << 30

// makeDisk makes the machine's disk, one ext4 file system: the base system, the package installed in it as an installer
// does, with no systemd running, and a key that lets the test in.
func makeDisk(t *testing.T, b base, deb, publicKey string) string {
	t.Helper()
	dir := t.TempDir()
	root, disk := filepath.Join(dir, "root"), filepath.Join(dir, "disk.raw")
	for _, path := range []string{root, filepath.Join(root, "root/.ssh")} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "tar", "--extract", "--zstd", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--file", b.root, "--directory", root)
	command(t, "cp", publicKey, filepath.Join(root, "root/.ssh/authorized_keys"))
	command(t, "cp", deb, filepath.Join(root, "logis.deb"))
	command(t, "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "chroot", root, "dpkg", "--install", "/logis.deb")
	command(t, "rm", filepath.Join(root, "logis.deb"))
	command(t, "truncate", fmt.Sprintf("--size=%d", diskSize), disk)
	command(t, "mkfs.ext4", "-q", "-d", root, disk)
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	return disk
}

// command runs a program that must succeed, and returns what it wrote.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
