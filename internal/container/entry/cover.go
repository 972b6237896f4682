package entry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// readOnly and masked are the lists of the OCI runtimes: what of /proc and /sys acts on the host, and what tells of it.
// Of each processor thermal_throttle is masked too.
func readOnly() []string {
	return []string{"proc/bus", "proc/fs", "proc/irq", "proc/pressure", "proc/sys", "proc/sysrq-trigger"}
}

func masked() []string {
	return []string{
		"proc/acpi", "proc/asound", "proc/diskstats", "proc/interrupts", "proc/kcore", "proc/keys", "proc/latency_stats", "proc/sched_debug",
		"proc/scsi", "proc/timer_list", "proc/timer_stats",
		"sys/devices/virtual/block", // loop/backing_file names files of the host
		"sys/devices/virtual/powercap", "sys/firmware",
	}
}

// coverKernelFiles makes the ones read-only and hides the others.
func coverKernelFiles(root *os.File) error {
	for _, path := range readOnly() {
		if err := makeReadOnly(root, path); err != nil {
			return err
		}
	}
	processors, err := throttles(root)
	if err != nil {
		return err
	}
	var empty blank
	defer empty.close()
	for _, path := range append(masked(), processors...) {
		if err := empty.mask(root, path); err != nil {
			return err
		}
	}
	return nil
}

// throttles lists thermal_throttle of each processor, where there is such a thing: from its counts one site can read what
// another computes.
func throttles(root *os.File) ([]string, error) {
	const dir = "sys/devices/system/cpu"
	f, err := linux.OpenBeneath(root, dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processors: %w", err)
	}
	var paths []string
	for _, name := range names {
		if number, found := strings.CutPrefix(name, "cpu"); found && number != "" && strings.Trim(number, "0123456789") == "" {
			paths = append(paths, dir+"/"+name+"/thermal_throttle")
		}
	}
	return paths, nil
}

// onTarget opens what is to be covered and does what is given with it; nothing where this kernel has no such file. No link below
// root is followed: see linux.OpenBeneath.
func onTarget(root *os.File, path string, do func(target *os.File) error) error {
	target, err := linux.OpenBeneath(root, path, unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer target.Close()
	return do(target)
}

// coverFile mounts what shows the container's own values over a file of the kernel's.
func coverFile(root, mount *os.File, path string) error {
	return onTarget(root, path, func(target *os.File) error { return linux.Attach(mount, target) })
}

func makeReadOnly(root *os.File, path string) error {
	return onTarget(root, path, func(target *os.File) error {
		copied, err := linux.CloneFile(target)
		if err != nil {
			return err
		}
		defer copied.Close()
		if err := linux.SetMountAttr(copied, readonly|nosuid|nodev|noexec, nil); err != nil {
			return err
		}
		return linux.Attach(copied, target)
	})
}

// blank is the empty directory that hides the kernel's: one file system a site, however many processors there are.
type blank struct{ dir *os.File }

func (b *blank) close() {
	if b.dir != nil {
		b.dir.Close()
	}
}

// mask hides a directory behind the empty one, and a file behind /dev/null.
func (b *blank) mask(root *os.File, path string) error {
	return onTarget(root, path, func(target *os.File) error {
		var stat unix.Stat_t
		if err := unix.Fstat(int(target.Fd()), &stat); err != nil {
			return fmt.Errorf("stat /%s: %w", path, err)
		}
		if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
			return b.cover(target)
		}
		null, err := linux.CloneTree("/dev/null")
		if err != nil {
			return err
		}
		defer null.Close()
		return linux.Attach(null, target)
	})
}

// cover mounts the empty directory: itself on the first, copies on the others. Before Linux 6.15 only a mount that is attached
// can be cloned.
func (b *blank) cover(target *os.File) error {
	if b.dir == nil {
		dir, err := linux.NewMount("tmpfs", readonly|nosuid|nodev|noexec, linux.Option{Key: "size", Value: "4k"})
		if err != nil {
			return err
		}
		b.dir = dir
		return linux.Attach(dir, target)
	}
	copied, err := linux.CloneFile(b.dir)
	if err != nil {
		return err
	}
	defer copied.Close()
	return linux.Attach(copied, target)
}
