package require

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/quantity"
)

// swap tells what a site's swap is worth here: proc(5), /proc/swaps.
func swap(r root) Check {
	const what = "swap"
	text, _ := r.read("/proc/swaps") // a kernel without swap has no such file
	var total int64
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 {
			kib, _ := strconv.ParseInt(f[2], 10, 64) // the head has none
			total += kib << 10
		}
	}
	if total == 0 {
		return warning(what, "this host has none: --swap gives a site nothing, and at the limit of its memory processes are killed",
			"fallocate -l 4G /swapfile; chmod 600 /swapfile; mkswap /swapfile; swapon /swapfile, and in /etc/fstab: /swapfile none swap sw 0 0")
	}
	return ok(what, quantity.Format(total))
}

// clock tells whether something keeps the host's clock right, adjtimex(2): certificates and apt go by it, in all sites.
func clock() Check {
	var t unix.Timex
	_, err := unix.Adjtimex(&t)
	return clockOf(t.Status, err, time.Now())
}

func clockOf(status int32, err error, now time.Time) Check {
	const what, mend = "clock", "apt-get install systemd-timesyncd, or another NTP client"
	switch {
	case now.Year() < 2025:
		return warning(what, "it is said to be "+now.UTC().Format(time.DateOnly)+": certificates and apt will not work in sites", "date --set 'YYYY-MM-DD hh:mm', and "+mend)
	case err != nil:
		return failed(what, err)
	case status&unix.STA_UNSYNC != 0:
		return warning(what, "nothing keeps it right, as far as the kernel knows", mend)
	}
	return ok(what, "synchronised")
}

// loop is needed where the pool is a file.
func loop(r root, loopFile string) Check {
	const what = "loop devices"
	if loopFile == "" {
		return ok(what, "not needed: the pool is a directory")
	}
	if !r.has("/dev/loop-control") {
		return missing(what, "no /dev/loop-control, and the pool is a file", "modprobe loop, or set pool.path to a directory on a btrfs")
	}
	return ok(what, "available")
}

// growth compares what the sparse file of the pool may come to take with the room that is left for it, in bytes.
func growth(loopFile string, size int64) Check {
	const what = "room for the pool"
	if loopFile == "" {
		return ok(what, "the pool is a directory")
	}
	var file unix.Stat_t
	var dir unix.Statfs_t
	if err := unix.Stat(loopFile, &file); err != nil {
		return failed(what, err)
	}
	if err := unix.Statfs(loopFile, &dir); err != nil {
		return failed(what, err)
	}
	return growthOf(loopFile, max(size, file.Size), file.Blocks*512, int64(dir.Bavail)*dir.Bsize)
}

func growthOf(file string, size, taken, free int64) Check {
	const what = "room for the pool"
	if more := size - taken; more > free {
		return warning(what, fmt.Sprintf("%s may grow by %s, and %s is free there: sites could fill the disk that it lies on",
			file, quantity.Format(more), quantity.Format(free)), "free "+quantity.Format(more-free)+" there, or set pool.path to a directory on a larger btrfs")
	}
	return ok(what, quantity.Format(free)+" free for the "+quantity.Format(size-taken)+" that it may still take")
}
