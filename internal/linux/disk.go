package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Disk is a whole block device, never a partition: the kernel accounts and bounds I/O by these alone.
type Disk struct {
	Name   string // of its directory in /sys/block: "vda", "loop0"
	Number string // "254:0"
}

// DisksOf finds what the file system at path lies on; none where that is no block device (tmpfs, nfs).
func DisksOf(path string) ([]Disk, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("look for the disks below %s: %w", path, err)
	}
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, fmt.Errorf("look for the disks below %s: %w", path, err)
	}
	if unix.Major(st.Dev) != 0 {
		d, err := diskAt(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
		if err != nil {
			return nil, fmt.Errorf("look for the disks below %s: %w", path, err)
		}
		return []Disk{d}, nil
	}
	id, err := btrfsID(f)
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
		return nil, nil // another file system without a device of its own
	}
	if err != nil {
		return nil, fmt.Errorf("look for the disks below %s: %w", path, err)
	}
	disks, err := disksIn(filepath.Join("/sys/fs/btrfs", id, "devices"))
	if err != nil {
		return nil, fmt.Errorf("look for the disks below %s: %w", path, err)
	}
	return disks, nil
}

// btrfsID is the id of a btrfs file system, as its directory in /sys/fs/btrfs is named.
func btrfsID(f *os.File) (string, error) {
	args := new([1024]byte) // struct btrfs_ioctl_fs_info_args: max_id and num_devices, 8 bytes each, then the id
	if err := btrfsIoctl(f, btrfsFSInfo, unsafe.Pointer(args)); err != nil {
		return "", err
	}
	id := args[16:32]
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", binary.BigEndian.Uint32(id), binary.BigEndian.Uint16(id[4:]),
		binary.BigEndian.Uint16(id[6:]), binary.BigEndian.Uint16(id[8:]), id[10:]), nil
}

// disksIn are those whose directories a directory of sysfs links to, each once.
func disksIn(dir string) ([]Disk, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var disks []Disk
	for _, e := range entries {
		d, err := diskAt(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(disks, d) {
			disks = append(disks, d)
		}
	}
	return disks, nil
}

// diskAt is the disk that a directory of sysfs stands for, or that has the partition which it stands for.
func diskAt(dir string) (Disk, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return Disk{}, err
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		dir = filepath.Dir(dir)
	}
	number, err := os.ReadFile(filepath.Join(dir, "dev"))
	if err != nil {
		return Disk{}, err
	}
	return Disk{Name: filepath.Base(dir), Number: strings.TrimSpace(string(number))}, nil
}

// Bottom are the disks that do the work for d: below a loop device, device mapper or md; d itself where nothing is below.
func (d Disk) Bottom() ([]Disk, error) { return d.bottom(8) }

func (d Disk) bottom(depth int) ([]Disk, error) {
	dir := filepath.Join("/sys/block", d.Name)
	below, err := disksIn(filepath.Join(dir, "slaves"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look below disk %s: %w", d.Name, err)
	}
	if file, err := os.ReadFile(filepath.Join(dir, "loop/backing_file")); err == nil {
		if below, err = DisksOf(filepath.Dir(strings.TrimSpace(string(file)))); err != nil {
			return nil, err
		}
	}
	if len(below) == 0 || depth == 0 {
		return []Disk{d}, nil
	}
	var all []Disk
	for _, b := range below {
		bottom, err := b.bottom(depth - 1)
		if err != nil {
			return nil, err
		}
		all = append(all, bottom...)
	}
	return all, nil
}

// Weighs tells whether the kernel shares out the I/O of d by the weights of cgroups: by its scheduler bfq, or by io.cost
// (cgroup-v2.rst, io.cost.qos).
func (d Disk) Weighs() bool {
	scheduler, _ := os.ReadFile(filepath.Join("/sys/block", d.Name, "queue/scheduler"))
	if strings.Contains(string(scheduler), "[bfq]") {
		return true
	}
	cost, _ := os.ReadFile("/sys/fs/cgroup/io.cost.qos")
	for line := range strings.Lines(string(cost)) {
		if strings.HasPrefix(line, d.Number+" enable=1 ") {
			return true
		}
	}
	return false
}
