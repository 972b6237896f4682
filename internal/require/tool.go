package require

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/quantity"
)

// find looks for a program in PATH and where Debian has root's programs.
func find(name string) (string, bool) {
	if path, err := exec.LookPath(name); err == nil {
		return path, true
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, true
		}
	}
	return "", false
}

func nft() Check {
	if path, found := find("nft"); found {
		return ok("nft", path)
	}
	return missing("nft", "no such program", "apt-get install nftables")
}

// mkfs is needed only where the pool's file has yet to be made.
func mkfs(loopFile string) Check {
	const what, mend = "mkfs.btrfs", "apt-get install btrfs-progs"
	if path, found := find("mkfs.btrfs"); found {
		return ok(what, path)
	}
	if loopFile == "" {
		return warning(what, "no such program; this pool needs it no more", mend)
	}
	if _, err := os.Stat(loopFile); err == nil {
		return warning(what, "no such program; this pool needs it no more", mend)
	}
	return missing(what, "no such program, and the pool is still to be made", mend)
}

func builder() Check {
	if path, found := find("debootstrap"); found {
		return ok("debootstrap", path)
	}
	return warning("debootstrap", "no such program: images can be imported, not built", "apt-get install debootstrap")
}

// view is how sites see their own memory, processors and load. They run without.
func view() Check {
	const what = "lxcfs"
	path, found := find(what)
	if !found {
		return warning(what, "no such program: free, top and nproc in a site show the host's values", "apt-get install lxcfs")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return warning(what, "no /dev/fuse: free, top and nproc in a site show the host's values", "modprobe fuse")
	}
	return ok(what, path)
}

func accounts() []Check {
	var checks []Check
	if _, err := user.LookupGroup(Group); err != nil {
		checks = append(checks, warning("group "+Group, "no such group: only root can use logis", "groupadd --system "+Group))
	} else {
		checks = append(checks, ok("group "+Group, "exists"))
	}
	if _, err := user.Lookup(ProxyUser); err != nil {
		return append(checks, warning("user "+ProxyUser, "no such user: logis-proxy does not start",
			"useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "+ProxyUser))
	}
	return append(checks, ok("user "+ProxyUser, "exists"))
}

// scarce is how little free space is worth a warning, in bytes: records and events still fit by far.
const scarce = 256 << 20

func space(what, dir string) Check {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return failed(what, err)
	}
	return Room(what, dir, int64(st.Bavail)*st.Bsize, int64(st.Blocks)*st.Bsize, scarce)
}

// Room judges the free space of a file system, in bytes: below least, or below a fiftieth of it, is a warning.
func Room(what, where string, free, total, least int64) Check {
	found := strings.TrimSpace(where + " " + quantity.Format(free) + " of " + quantity.Format(total) + " free")
	switch {
	case free < 1<<20:
		return missing(what, found, "free space there")
	case free < least || free < total/50:
		return warning(what, found, "free space there")
	}
	return ok(what, found)
}
