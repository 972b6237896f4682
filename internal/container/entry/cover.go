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
		"proc/scsi", "proc/timer_list", "proc/timer_stats", "sys/devices/virtual/powercap", "sys/firmware",
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
	for _, path := range append(masked(), processors...) {
		if err := mask(root, path); err != nil {
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

// coverFile mounts what shows the container's own values over a file of the kernel's, unless this kernel has none there.
func coverFile(root, mount *os.File, path string) error {
	target, err := linux.OpenBeneath(root, path, unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer target.Close()
	return linux.Attach(mount, target)
}

func makeReadOnly(root *os.File, path string) error {
	target, err := linux.OpenBeneath(root, path, unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer target.Close()
	copied, err := linux.CloneFile(target)
	if err != nil {
		return err
	}
	defer copied.Close()
	if err := linux.SetMountAttr(copied, readonly|nosuid|nodev|noexec, nil); err != nil {
		return err
	}
	return linux.Attach(copied, target)
}

func mask(root *os.File, path string) error {
	target, err := linux.OpenBeneath(root, path, unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer target.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(target.Fd()), &stat); err != nil {
		return fmt.Errorf("stat /%s: %w", path, err)
	}
	var cover *os.File
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		cover, err = linux.NewMount("tmpfs", readonly|nosuid|nodev|noexec, linux.Option{Key: "size", Value: "4k"})
	} else {
		cover, err = linux.CloneTree("/dev/null")
	}
	if err != nil {
		return err
	}
	defer cover.Close()
	return linux.Attach(cover, target)
}
