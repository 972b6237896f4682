package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// LoopBlock is the block size of the loop devices of LoopAttach: with less than a page, direct I/O is refused on disks
// of 4 KiB sectors.
const LoopBlock = 4096

const loopAttempts = 64

// LoopAttach attaches file to a free loop device that detaches itself when its last user is gone, with direct I/O where
// the file's file system has it. The device stays attached as long as the returned file, or a mount, holds it.
// EBUSY is that other processes took every device that was found free.
func LoopAttach(ctx context.Context, file *os.File) (*os.File, error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	config := unix.LoopConfig{Fd: uint32(file.Fd()), Size: LoopBlock}
	config.Info.Flags = unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO
	copy(config.Info.File_name[:len(config.Info.File_name)-1], file.Name())

	for range loopAttempts {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, fmt.Errorf("find a free loop device: %w", err)
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		err = unix.IoctlLoopConfigure(int(device.Fd()), &config)
		if err == nil {
			return device, nil
		}
		device.Close()
		// EBUSY: another process took the device between the two calls.
		if !errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("attach %s to %s: %w", file.Name(), device.Name(), err)
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, fmt.Errorf("attach %s to a loop device: %w", file.Name(), unix.EBUSY)
}

// LoopFind opens the loop device that file is attached to; nil is none.
func LoopFind(file *os.File) (*os.File, error) {
	var want unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &want); err != nil {
		return nil, err
	}
	// Only attached devices have this directory in sysfs.
	attached, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil {
		return nil, err
	}
	for _, dir := range attached {
		device, err := os.OpenFile(filepath.Join("/dev", filepath.Base(filepath.Dir(dir))), os.O_RDWR, 0)
		if err != nil {
			continue // detached meanwhile, or not in this /dev
		}
		status, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
		if err == nil && status.Device == want.Dev && status.Inode == want.Ino {
			return device, nil
		}
		device.Close()
	}
	return nil, nil
}

// LoopsOf names all loop devices that file is attached to. There is more than one where somebody attached it by hand.
func LoopsOf(file *os.File) ([]string, error) {
	var want unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &want); err != nil {
		return nil, err
	}
	attached, err := filepath.Glob("/sys/block/loop*/loop")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, dir := range attached {
		device, err := os.Open(filepath.Join("/dev", filepath.Base(filepath.Dir(dir))))
		if err != nil {
			continue // detached meanwhile, or not in this /dev
		}
		status, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
		if err == nil && status.Device == want.Dev && status.Inode == want.Ino {
			names = append(names, device.Name())
		}
		device.Close()
	}
	return names, nil
}

// LoopSetAutoclear makes an attached device detach itself when its last user is gone.
func LoopSetAutoclear(device *os.File) error {
	status, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
	if err != nil {
		return err
	}
	status.Flags |= unix.LO_FLAGS_AUTOCLEAR
	return unix.IoctlLoopSetStatus64(int(device.Fd()), status)
}

// LoopSetDirect makes the device read and write its file with direct I/O.
func LoopSetDirect(device *os.File) error {
	return unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_DIRECT_IO, 1)
}

// LoopIsDirect says whether the device reads and writes its file with direct I/O.
func LoopIsDirect(device *os.File) (bool, error) {
	status, err := unix.IoctlLoopGetStatus64(int(device.Fd()))
	return err == nil && status.Flags&unix.LO_FLAGS_DIRECT_IO != 0, err
}

// LoopRefreshSize makes the device as large as its file has become.
func LoopRefreshSize(device *os.File) error {
	return unix.IoctlSetInt(int(device.Fd()), unix.LOOP_SET_CAPACITY, 0)
}
