package pool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// loopFile is a pool in a file, mounted through a loop device.
type loopFile struct {
	path, mountPoint string
	fresh            bool // mounted by this process, and not found so
}

// giveUpTimeout bounds the unmounting of a pool that could not be opened.
const giveUpTimeout = 10 * time.Second

// giveUp takes the mount of a failed Open away again. One that was there before may have sites that run on it.
func (l *loopFile) giveUp(ctx context.Context) error {
	if !l.fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUpTimeout)
	defer cancel()
	return l.unmount(ctx)
}

// marker lies in the mount point, below the mount. Where it is and the loop file is not, the pool was lost: an empty new
// one in its place would hide that.
const marker = "NOT-MOUNTED"

// The superblock, from btrfs's on-disk format.
const (
	superOffset = 64 << 10
	superSize   = 4096
	superMagic  = "_BHRfS_M" // at 0x40
	superTotal  = 0x70       // total_bytes
)

// openLoopFile makes, attaches and mounts the loop file; whatever of this is done already is kept.
func openLoopFile(ctx context.Context, o Options, log *slog.Logger) (*loopFile, error) {
	if err := os.MkdirAll(o.MountPoint, 0o700); err != nil {
		return nil, fmt.Errorf("make mount point of pool: %w", err)
	}
	mountPoint, err := filepath.EvalSymlinks(o.MountPoint) // as mountinfo shows it
	if err != nil {
		return nil, fmt.Errorf("find mount point of pool: %w", err)
	}
	l := &loopFile{path: o.LoopFile, mountPoint: mountPoint}
	mounted, err := l.mounted()
	if err != nil {
		return nil, err
	}
	file, err := l.openFile(ctx, o, mounted)
	if err != nil {
		return nil, err
	}
	defer file.Close()

	total, err := superblockSize(file)
	if err != nil {
		return nil, fmt.Errorf("loop file %s: %w: put back a whole copy", l.path, err)
	}
	size, err := l.grow(file, total, o.Size)
	if err != nil {
		return nil, err
	}
	device, err := linux.LoopFind(file)
	if err != nil {
		return nil, fmt.Errorf("look for the loop device of %s: %w", l.path, err)
	}
	switch {
	case device == nil && mounted:
		return nil, fmt.Errorf("something else than %s is mounted at %s: unmount it", l.path, mountPoint)
	case device == nil:
		if device, err = linux.LoopAttach(ctx, file); err != nil {
			return nil, err
		}
	}
	defer device.Close() // the mount holds it from here on
	if err := fault.Point("pool: loop device"); err != nil {
		return nil, err
	}
	if mounted {
		if err := l.holds(device); err != nil {
			return nil, err
		}
	} else if err := l.mount(device, log); err != nil {
		return nil, err
	}
	l.fresh = !mounted
	if err = fault.Point("pool: mounted"); err == nil && size > total {
		err = l.growMounted(device, log)
	}
	if err != nil {
		device.Close() // the unmount waits for the last who has it open
		return nil, errors.Join(err, l.giveUp(ctx))
	}
	return l, nil
}

// openFile opens the loop file, and makes it where there never was one.
func (l *loopFile) openFile(ctx context.Context, o Options, mounted bool) (*os.File, error) {
	file, err := os.OpenFile(l.path, os.O_RDWR, 0)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if mounted {
		return nil, fmt.Errorf("loop file %s is gone while a pool is mounted at %s", l.path, l.mountPoint)
	}
	if len(o.Sites) > 0 {
		return nil, fmt.Errorf("loop file %s is gone: %s", l.path, missed(o.Sites))
	}
	mark := filepath.Join(l.mountPoint, marker)
	if _, err := os.Lstat(mark); err == nil {
		return nil, fmt.Errorf("loop file %s is gone: put it back, or remove %s to begin with an empty pool", l.path, mark)
	}
	if err := makeLoopFile(ctx, l.path, o.Size); err != nil {
		return nil, err
	}
	return os.OpenFile(l.path, os.O_RDWR, 0)
}

// makeLoopFile makes a sparse file with an empty btrfs in it. It appears as a whole or not at all.
func makeLoopFile(ctx context.Context, path string, size int64) (err error) {
	temp := path + ".new" // a left-over of this name is overwritten
	file, err := os.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make loop file: %w", err)
	}
	defer func() {
		file.Close()
		if err != nil {
			os.Remove(temp)
		}
	}()
	if err := file.Truncate(size &^ (linux.LoopBlock - 1)); err != nil {
		return fmt.Errorf("make loop file: %w", err)
	}
	mkfs := exec.CommandContext(ctx, "mkfs.btrfs", "--quiet", "--force", "--nodiscard", "--label", "logis", temp)
	if out, err := mkfs.CombinedOutput(); err != nil {
		return fmt.Errorf("make file system in %s: mkfs.btrfs: %w: %s", temp, err, bytes.TrimSpace(out))
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("write out loop file: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("make loop file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("make loop file: %w", err)
	}
	defer dir.Close()
	return dir.Sync()
}

// superblockSize returns the size of the file system that a file holds, in bytes.
func superblockSize(file *os.File) (int64, error) {
	super := make([]byte, superSize)
	n, err := file.ReadAt(super, superOffset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return parseSuperblock(super[:n])
}

func parseSuperblock(super []byte) (int64, error) {
	if len(super) < superSize || !bytes.Equal(super[0x40:0x48], []byte(superMagic)) {
		return 0, errors.New("not a btrfs file system")
	}
	total := binary.LittleEndian.Uint64(super[superTotal:])
	if total == 0 || total > math.MaxInt64 {
		return 0, fmt.Errorf("a btrfs file system of %d bytes", total)
	}
	return int64(total), nil
}

// grow makes the file as large as wanted and returns its size. A file smaller than its file system is refused: mounted,
// it would fail at the first access beyond the end.
func (l *loopFile) grow(file *os.File, total, want int64) (int64, error) {
	st, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("stat loop file: %w", err)
	}
	if st.Size() < total {
		return 0, fmt.Errorf("loop file %s is cut off: it has %d of the %d bytes of its file system: put back a whole copy",
			l.path, st.Size(), total)
	}
	want &^= linux.LoopBlock - 1
	if st.Size() >= want {
		return st.Size() &^ (linux.LoopBlock - 1), nil
	}
	if err := file.Truncate(want); err != nil {
		return 0, fmt.Errorf("grow loop file: %w", err)
	}
	return want, nil
}

func (l *loopFile) growMounted(device *os.File, log *slog.Logger) error {
	if err := linux.LoopRefreshSize(device); err != nil {
		return fmt.Errorf("grow %s: %w", device.Name(), err)
	}
	root, err := openSubdir(l.mountPoint)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := linux.BtrfsGrow(root); err != nil {
		return fmt.Errorf("grow file system of pool: %w", err)
	}
	log.Info("grew pool", "file", l.path)
	return nil
}

// mount mounts the device. The marker is written first, so that it is there whenever a pool was mounted once.
func (l *loopFile) mount(device *os.File, log *slog.Logger) error {
	mark := filepath.Join(l.mountPoint, marker)
	text := "The pool " + l.path + " is mounted over this directory while logisd runs.\n"
	if err := os.WriteFile(mark, []byte(text), 0o600); err != nil {
		return fmt.Errorf("mark mount point of pool: %w", err)
	}
	if err := linux.LoopSetAutoclear(device); err != nil { // it may be someone's who forgot
		return fmt.Errorf("let %s detach itself: %w", device.Name(), err)
	}
	if direct, err := linux.LoopIsDirect(device); err != nil || !direct && linux.LoopSetDirect(device) != nil {
		log.Warn("loop device without direct I/O: pages of the pool are cached twice", "device", device.Name())
	}
	err := unix.Mount(device.Name(), l.mountPoint, "btrfs", unix.MS_NOATIME, "discard=async")
	if err != nil {
		return fmt.Errorf("mount %s (%s) at %s: %w", l.path, device.Name(), l.mountPoint, err)
	}
	return nil
}

// mounted says whether something is mounted at the mount point.
func (l *loopFile) mounted() (bool, error) {
	mounted, err := mountinfo.Mounted(l.mountPoint)
	if err != nil {
		return false, fmt.Errorf("look for the mount of the pool: %w", err)
	}
	return mounted, nil
}

// holds checks that what is mounted at the mount point is the device.
func (l *loopFile) holds(device *os.File) error {
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(l.mountPoint))
	if err != nil {
		return fmt.Errorf("look for the mount of the pool: %w", err)
	}
	// The last mount on a mount point is the one that is seen.
	if n := len(mounts); n == 0 || mounts[n-1].FSType != "btrfs" || mounts[n-1].Source != device.Name() {
		return fmt.Errorf("something else than %s is mounted at %s: unmount it", l.path, l.mountPoint)
	}
	return nil
}

// unmount unmounts the pool and waits until the loop device has let go of the file.
func (l *loopFile) unmount(ctx context.Context) error {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		err := unix.Unmount(l.mountPoint, unix.UMOUNT_NOFOLLOW)
		if err == nil || errors.Is(err, unix.EINVAL) { // EINVAL: not mounted
			break
		}
		if !errors.Is(err, unix.EBUSY) || pause(ctx, wait) != nil {
			return fmt.Errorf("unmount pool at %s: %w", l.mountPoint, err)
		}
	}
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open loop file: %w", err)
	}
	defer file.Close()
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		device, err := linux.LoopFind(file)
		if err != nil {
			return fmt.Errorf("look for the loop device of %s: %w", l.path, err)
		}
		if device == nil {
			return nil
		}
		device.Close()
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("wait for %s to let go of %s: %w", device.Name(), l.path, err)
		}
	}
}

// room returns the bytes that the file can still take: what the file system below it has left, and the parts of the file
// that are allocated but hold nothing of used.
func (l *loopFile) room(used int64) (int64, error) {
	var below unix.Statfs_t
	if err := unix.Statfs(l.path, &below); err != nil {
		return 0, fmt.Errorf("stat file system of loop file: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Stat(l.path, &st); err != nil {
		return 0, fmt.Errorf("stat loop file: %w", err)
	}
	return int64(below.Bavail)*below.Bsize + max(0, st.Blocks*512-used), nil
}
