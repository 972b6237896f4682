package linux

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ioctls of linux/btrfs.h that x/sys does not carry. The numbers hold for 64-bit machines of the generic ioctl
// layout (amd64, arm64, riscv64).
const (
	btrfsResize        = 0x50009403
	btrfsSync          = 0x00009408
	btrfsTreeSearch    = 0xc0709411
	btrfsInoLookup     = 0xd0009412
	btrfsWaitSync      = 0x40089416
	btrfsStartSync     = 0x80089418
	btrfsSubvolCreate  = 0x50009418
	btrfsSubvolFlags   = 0x80089419
	btrfsFSInfo        = 0x8400941f
	btrfsSetFlags      = 0x4008941a
	btrfsQuotaCtl      = 0xc0109428
	btrfsQgroupAssign  = 0x40189429
	btrfsQgroupCreate  = 0x4010942a
	btrfsQgroupLimit   = 0x8030942b
	btrfsQuotaRescan   = 0x4040942c
	btrfsRescanStatus  = 0x8040942d
	btrfsSnapDestroy   = 0x5000943f
	btrfsReadOnly      = 1 << 1 // BTRFS_SUBVOL_RDONLY
	btrfsInherit       = 1 << 2 // BTRFS_SUBVOL_QGROUP_INHERIT
	btrfsByID          = 1 << 4 // BTRFS_SUBVOL_SPEC_BY_ID
	btrfsLimitMaxRefer = 1 << 0 // BTRFS_QGROUP_LIMIT_MAX_RFER
	btrfsFirstInode    = 256    // of every subvolume: its top directory
	btrfsNameMax       = 255
)

// btrfsVolArgs is struct btrfs_ioctl_vol_args_v2.
type btrfsVolArgs struct {
	fd, transid, flags uint64
	inheritSize        uint64
	inherit            unsafe.Pointer
	_                  [2]uint64
	name               [4040]byte // NUL-terminated, or an id in its first eight bytes
}

// btrfsInheritArgs is struct btrfs_qgroup_inherit with room for one group.
type btrfsInheritArgs struct {
	flags, groups, refCopies, exclCopies uint64
	limit                                btrfsLimitArgs
	group                                BtrfsQgroup
}

// btrfsIoctl repeats what a signal interrupted: Go's own preemption is one.
func btrfsIoctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	defer runtime.KeepAlive(f)
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

func (a *btrfsVolArgs) setName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") || len(name) > btrfsNameMax {
		return fmt.Errorf("subvolume name %q: %w", name, unix.EINVAL)
	}
	copy(a.name[:], name)
	return nil
}

// BtrfsCreateSubvolume makes the subvolume name in the directory parent. Its quota group is a member of group from the
// first byte on, so that nothing has to be recounted. Needs quota to be on.
func BtrfsCreateSubvolume(parent *os.File, name string, group BtrfsQgroup) error {
	inherit := &btrfsInheritArgs{groups: 1, group: group}
	args := &btrfsVolArgs{
		flags: btrfsInherit, inherit: unsafe.Pointer(inherit), inheritSize: uint64(unsafe.Sizeof(*inherit)),
	}
	if err := args.setName(name); err != nil {
		return err
	}
	err := btrfsIoctl(parent, btrfsSubvolCreate, unsafe.Pointer(args))
	runtime.KeepAlive(inherit)
	return err
}

// BtrfsDeleteSubvolume removes the entry name of the directory parent; the bytes follow later. ENOTEMPTY is a subvolume
// that contains others.
func BtrfsDeleteSubvolume(parent *os.File, name string) error {
	args := new(btrfsVolArgs)
	if err := args.setName(name); err != nil {
		return err
	}
	return btrfsIoctl(parent, btrfsSnapDestroy, unsafe.Pointer(args))
}

// BtrfsDeleteSubvolumeID removes the subvolume with this id, wherever in the file system of f it is: no path of it is
// walked.
func BtrfsDeleteSubvolumeID(f *os.File, id uint64) error {
	args := &btrfsVolArgs{flags: btrfsByID}
	binary.NativeEndian.PutUint64(args.name[:], id)
	return btrfsIoctl(f, btrfsSnapDestroy, unsafe.Pointer(args))
}

// BtrfsSubvolumeID returns the id of the subvolume that f lies in.
func BtrfsSubvolumeID(f *os.File) (uint64, error) {
	args := new([512]uint64) // treeid, objectid, name
	args[1] = btrfsFirstInode
	err := btrfsIoctl(f, btrfsInoLookup, unsafe.Pointer(args))
	return args[0], err
}

// BtrfsIsSubvolume says whether the open directory f is the top of a subvolume.
func BtrfsIsSubvolume(f *os.File) (bool, error) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return false, err
	}
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return false, err
	}
	return fs.Type == unix.BTRFS_SUPER_MAGIC && st.Ino == btrfsFirstInode && st.Mode&unix.S_IFMT == unix.S_IFDIR, nil
}

// BtrfsSetReadOnly makes the subvolume whose top f is read-only, or writable again.
func BtrfsSetReadOnly(f *os.File, readOnly bool) error {
	var flags uint64
	if err := btrfsIoctl(f, btrfsSubvolFlags, unsafe.Pointer(&flags)); err != nil {
		return err
	}
	flags &^= btrfsReadOnly
	if readOnly {
		flags |= btrfsReadOnly
	}
	return btrfsIoctl(f, btrfsSetFlags, unsafe.Pointer(&flags))
}

// BtrfsIsReadOnly says whether the subvolume whose top f is is read-only.
func BtrfsIsReadOnly(f *os.File) (bool, error) {
	var flags uint64
	err := btrfsIoctl(f, btrfsSubvolFlags, unsafe.Pointer(&flags))
	return flags&btrfsReadOnly != 0, err
}

// BtrfsSync writes out all data of the file system of f, commits it and wakes the kernel thread that frees deleted subvolumes.
func BtrfsSync(f *os.File) error { return btrfsIoctl(f, btrfsSync, nil) }

// BtrfsCommit waits for what was changed so far to be committed; data that waits in memory is not written out for it.
// Where nothing was changed it returns at once.
func BtrfsCommit(f *os.File) error {
	var transaction uint64
	if err := btrfsIoctl(f, btrfsStartSync, unsafe.Pointer(&transaction)); err != nil {
		return err
	}
	return btrfsIoctl(f, btrfsWaitSync, unsafe.Pointer(&transaction))
}

// BtrfsGrow makes a file system of one device as large as the device.
func BtrfsGrow(f *os.File) error {
	args := new([4096]byte) // struct btrfs_ioctl_vol_args: fd, name
	copy(args[8:], "max")
	return btrfsIoctl(f, btrfsResize, unsafe.Pointer(args))
}
