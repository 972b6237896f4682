package container

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/container/entry"
	"github.com/logis-project/logis/internal/linux"
)

// Handed are small files that the host hands to a container, by name. It sees them in HandedDir and can read them; only the host can
// change them. They belong to the container's root, as sshd wants it of what it trusts.
type Handed map[string]string

// HandedDir is where a container sees what it was handed.
const HandedDir = "/" + entry.HandedDir

const (
	handedSource = "logis-host" // of their file system, as the container's mount table names it
	handedAttrs  = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	maxHanded    = 2 << 20 // bytes of all
	maxTable     = 1 << 20 // bytes of a container's mount table, which it cannot add to
)

// ErrNotHanded is a container's that was started without a place for what it is handed, by a logisd of an earlier release.
var ErrNotHanded = errors.New("it was started by an earlier release, which handed it nothing: restart it")

// openHanded makes the file system of what the container of a Spec is handed: a detached mount that can only be read.
func openHanded(spec Spec) (*os.File, error) {
	id := strconv.FormatUint(uint64(spec.IDBase), 10)
	mount, err := linux.NewMount("tmpfs", handedAttrs,
		linux.Option{Key: "source", Value: handedSource}, linux.Option{Key: "mode", Value: "0755"},
		linux.Option{Key: "uid", Value: id}, linux.Option{Key: "gid", Value: id},
		linux.Option{Key: "size", Value: strconv.Itoa(maxHanded)}, linux.Option{Key: "nr_inodes", Value: "64"})
	if err != nil {
		return nil, err
	}
	err = writeHanded(mount, spec.Handed)
	if err == nil {
		err = linux.SetMountAttr(mount, unix.MOUNT_ATTR_RDONLY, nil)
	}
	if err != nil {
		return nil, errors.Join(err, mount.Close())
	}
	return mount, nil
}

// Hand makes what a running container is handed these files and no others, each at once as a whole. It asks nothing of the
// container, and fails only where the container's root has moved the place away.
func (c *Container) Hand(files Handed) error {
	return c.withHanded(func(mount *os.File) error { return writeHanded(mount, files) })
}

// Handed reads what a running container is handed.
func (c *Container) Handed() (Handed, error) {
	files := Handed{}
	err := c.withHanded(func(mount *os.File) error {
		names, err := handedNames(mount)
		for _, name := range names {
			content, rerr := readHanded(mount, name)
			files[name], err = content, errors.Join(err, rerr)
		}
		return err
	})
	return files, err
}

// withHanded calls use with a writable mount of what the container is handed, which nobody else sees.
func (c *Container) withHanded(use func(*os.File) error) error {
	c.handing.Lock()
	defer c.handing.Unlock()
	// Opened here: the /proc that is seen in there is the container's. Read again it is the table as it is then.
	table, err := os.Open("/proc/" + strconv.Itoa(c.pid) + "/mountinfo")
	if linux.PidfdEnded(c.pidfd) {
		table.Close()
		return errEnded // it may be another process's
	}
	if err != nil {
		return fmt.Errorf("read mounts of PID 1: %w", err)
	}
	defer table.Close()
	var mount *os.File
	err = linux.InMountNS(c.pidfd, func() (err error) {
		for range handedTries {
			if mount, err = findHanded(table); !errors.Is(err, errMoved) {
				return err
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("reach what the site is handed: %w", err)
	}
	defer mount.Close()
	return use(mount)
}

// handedTries is how often the place is looked for: root of the container may rename directories above it meanwhile.
const handedTries = 50

var errMoved = errors.New("its root has moved " + HandedDir + " away: restart the site")

// findHanded opens the mount, in the container's mount namespace, by the place that the kernel's own table names, and makes a copy
// of it that can be written to. The container can make no mount, so that whatever is named logis-host is the host's.
func findHanded(table *os.File) (*os.File, error) {
	content, err := io.ReadAll(io.NewSectionReader(table, 0, maxTable))
	if err != nil {
		return nil, fmt.Errorf("read mounts of PID 1: %w", err)
	}
	path, device, ok := handedPlace(content)
	if !ok {
		return nil, ErrNotHanded
	}
	root, err := os.OpenFile("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the root: %w", err)
	}
	defer root.Close()
	dir, err := linux.OpenBeneath(root, strings.TrimPrefix(path, "/"), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, errMoved
	}
	defer dir.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil || st.Dev != device {
		return nil, errors.Join(errMoved, err)
	}
	mount, err := linux.CloneFile(dir)
	if err != nil {
		return nil, err
	}
	if err := linux.ClearMountAttr(mount, unix.MOUNT_ATTR_RDONLY); err != nil {
		return nil, errors.Join(err, mount.Close())
	}
	return mount, nil
}

// handedPlace finds the mount point and the device of what is handed in a proc_pid_mountinfo(5).
func handedPlace(table []byte) (path string, device uint64, ok bool) {
	for line := range bytes.Lines(table) {
		before, after, _ := strings.Cut(string(line), " - ")
		at, of := strings.Fields(before), strings.Fields(after)
		if len(at) < 5 || len(of) < 2 || of[0] != "tmpfs" || of[1] != handedSource {
			continue
		}
		var major, minor uint32
		if _, err := fmt.Sscanf(at[2], "%d:%d", &major, &minor); err != nil {
			continue
		}
		return unescape(at[4]), unix.Mkdev(major, minor), true
	}
	return "", 0, false
}

// unescape undoes what the kernel does to spaces and backslashes of a path: \040.
func unescape(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}

// writeHanded makes files the content of the directory: each is written beside its place and renamed there.
func writeHanded(dir *os.File, files Handed) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &st); err != nil {
		return fmt.Errorf("look at what is handed: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := writeOneHanded(dir, name, files[name], st.Uid, st.Gid); err != nil {
			return fmt.Errorf("hand over %s: %w", name, err)
		}
	}
	names, err := handedNames(dir)
	for _, name := range names {
		if _, wanted := files[name]; !wanted && err == nil {
			err = unix.Unlinkat(int(dir.Fd()), name, 0)
		}
	}
	if err != nil {
		return fmt.Errorf("take back what was handed: %w", err)
	}
	return nil
}

const beside = ".new" // of the one file that is being written

func writeOneHanded(dir *os.File, name, content string, uid, gid uint32) error {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return fs.ErrInvalid
	}
	if err := unix.Unlinkat(int(dir.Fd()), beside, 0); err != nil && !errors.Is(err, unix.ENOENT) { // logisd was killed
		return err
	}
	fd, err := unix.Openat(int(dir.Fd()), beside, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	_, err = f.WriteString(content)
	err = cmp.Or(err, f.Chown(int(uid), int(gid)), f.Chmod(0o644))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return unix.Renameat(int(dir.Fd()), beside, int(dir.Fd()), name)
}

// handedNames lists the directory, which is open as a path only.
func handedNames(dir *os.File) ([]string, error) {
	list, err := linux.OpenBeneath(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer list.Close()
	return list.Readdirnames(-1)
}

func readHanded(dir *os.File, name string) (string, error) {
	f, err := linux.OpenBeneath(dir, name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxHanded))
	return string(content), err
}
