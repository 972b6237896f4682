package require

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups"

	"github.com/logis-project/logis/internal/linux"
)

const toVersion2 = "boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line"

// ioBandwidth tells whether --io-bandwidth of a site is held on the disks of the pool.
func ioBandwidth(pool string) Check {
	const what = "i/o bandwidth"
	disks, err := linux.DisksOf(pool)
	switch {
	case err != nil:
		return failed(what, err)
	case len(disks) == 0:
		return warning(what, "the pool lies on no disk that the kernel knows: no site is held to one", "put the pool on a disk: pool.path")
	case cgroups.IsCgroup2UnifiedMode():
		if have, _ := os.ReadFile(filepath.Join(cgroupRoot, "cgroup.controllers")); !strings.Contains(" "+strings.TrimSpace(string(have))+" ", " io ") {
			return warning(what, "no io controller: no site is held to one", "boot without cgroup_disable=io on the kernel's command line")
		}
		return ok(what, "of reads and writes")
	}
	dir, err := cgroups.FindCgroupMountpoint("", "blkio")
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "blkio.throttle.read_bps_device"))
	}
	if err != nil {
		return warning(what, "no blkio controller: no site is held to one", toVersion2)
	}
	return warning(what, "cgroup version 1: of reads, and of what is written with fsync; what is written without is not held", toVersion2)
}

// ioWeight tells whether --io-weight of a site is worth something on the disks that do the pool's work.
func ioWeight(pool string) Check {
	const what = "i/o weight"
	disks, err := linux.DisksOf(pool)
	idle := ""
	for _, d := range disks {
		bottom, berr := d.Bottom()
		err = errors.Join(err, berr)
		for _, b := range bottom {
			if !b.Weighs() {
				idle = b.Name
			}
		}
	}
	switch {
	case err != nil:
		return failed(what, err)
	case len(disks) == 0:
		return warning(what, "the pool lies on no disk that the kernel knows: it is not shared out", "put the pool on a disk: pool.path")
	case idle != "":
		return warning(what, "disk "+idle+" serves all sites alike, whatever their weight",
			"modprobe bfq; echo bfq > /sys/block/"+idle+"/queue/scheduler, and at each boot by a rule of udev")
	case !cgroups.IsCgroup2UnifiedMode():
		return warning(what, "cgroup version 1: what is written without fsync is not shared out", toVersion2)
	}
	return ok(what, "disks are shared out by weight")
}
