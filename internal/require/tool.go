package require

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/quantity"
)

func nft(r root) Check {
	if path, found := r.program("nft"); found {
		return ok("nft", path)
	}
	return missing("nft", "no such program", "apt-get install nftables")
}

// mkfs is needed only where the pool's file has yet to be made.
func mkfs(r root, loopFile string) Check {
	const what, mend = "mkfs.btrfs", "apt-get install btrfs-progs"
	if path, found := r.program("mkfs.btrfs"); found {
		return ok(what, path)
	}
	if loopFile == "" {
		return warning(what, "no such program; this pool needs it no more", mend)
	}
	if r.has(loopFile) {
		return warning(what, "no such program; this pool needs it no more", mend)
	}
	return missing(what, "no such program, and the pool is still to be made", mend)
}

func builder(r root) Check {
	const what, without = "debootstrap", ": images can be imported, not built"
	path, found := r.program(what)
	if !found {
		return warning(what, "no such program"+without, "apt-get install debootstrap")
	}
	if keys := "/usr/share/keyrings/debian-archive-keyring.gpg"; !r.has(keys) {
		return warning(what, "no keys of Debian, "+keys+without, "apt-get install debian-archive-keyring")
	}
	return ok(what, path)
}

// view is how sites see their own memory, processors and load. They run without.
func view(r root) Check {
	const what = "lxcfs"
	path, found := r.program(what)
	if !found {
		return warning(what, "no such program: free, top and nproc in a site show the host's values", "apt-get install lxcfs")
	}
	if !r.has("/dev/fuse") {
		return warning(what, "no /dev/fuse: free, top and nproc in a site show the host's values", "modprobe fuse")
	}
	return ok(what, path)
}

func accounts(r root) []Check {
	checks := []Check{ok("group "+AdminGroup, "exists"), ok("user "+ProxyUser, "exists")}
	if !r.named("/etc/group", AdminGroup) {
		checks[0] = warning("group "+AdminGroup, "no such group: only root can use logis", "groupadd --system "+AdminGroup)
	}
	if !r.named("/etc/passwd", ProxyUser) {
		checks[1] = warning("user "+ProxyUser, "no such user: logis-proxy does not start",
			"useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "+ProxyUser)
	}
	return checks
}

// named tells whether a database such as passwd(5) has an entry of a name.
func (r root) named(database, name string) bool {
	text, _ := r.read(database)
	return strings.HasPrefix(text, name+":") || strings.Contains(text, "\n"+name+":")
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
