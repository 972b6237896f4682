package require

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/cgroups"
)

const cgroupRoot = "/sys/fs/cgroup"

// controllers that every site is limited by.
var controllers = [...]string{"memory", "cpu", "pids"}

func controlGroups() []Check {
	if cgroups.IsCgroup2UnifiedMode() {
		return []Check{unified(cgroupRoot)}
	}
	return []Check{legacy()}
}

// unified checks a v2 hierarchy.
func unified(root string) Check {
	const what = "cgroup controllers"
	text, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return failed(what, err)
	}
	have := strings.Fields(string(text))
	return judge(what, "version 2", func(name string) bool { return slices.Contains(have, name) })
}

// legacy checks v1: a hierarchy for each controller.
func legacy() Check {
	return judge("cgroup controllers", "version 1", func(name string) bool {
		_, err := cgroups.FindCgroupMountpoint("", name)
		return err == nil
	})
}

func judge(what, version string, has func(string) bool) Check {
	var lacking []string
	for _, c := range controllers {
		if !has(c) {
			lacking = append(lacking, c)
		}
	}
	if len(lacking) > 0 {
		mend := "boot without cgroup_disable=" + strings.Join(lacking, ",") + " on the kernel's command line"
		if len(lacking) == len(controllers) && version == "version 1" {
			mend = "mount them: apt-get install cgroupfs-mount, or boot with systemd"
		}
		return missing(what, version+", without "+strings.Join(lacking, ", "), mend)
	}
	return ok(what, version+": "+strings.Join(controllers[:], ", "))
}

// swapLimits tells whether a site's swap can be limited.
func swapLimits() Check {
	if _, err := os.Stat("/proc/swaps"); errors.Is(err, fs.ErrNotExist) {
		return swapLimitsOf(true)
	}
	if !cgroups.IsCgroup2UnifiedMode() {
		if dir, err := cgroups.FindCgroupMountpoint("", "memory"); err == nil {
			if _, err := os.Stat(filepath.Join(dir, "memory.memsw.limit_in_bytes")); err == nil {
				return swapLimitsOf(true)
			}
		}
	} else if files, err := filepath.Glob(cgroupRoot + "/*/memory.swap.max"); err == nil && len(files) > 0 {
		return swapLimitsOf(true)
	}
	return swapLimitsOf(false)
}

func swapLimitsOf(counted bool) Check {
	const what = "swap limits"
	if !counted {
		return warning(what, "this kernel does not count swap by cgroup: a site's swap has no limit",
			"boot with swapaccount=1 on the kernel's command line")
	}
	return ok(what, "enforced")
}
