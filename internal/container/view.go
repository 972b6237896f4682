package container

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// unseen begins the warning of a container that sees the host's memory, processors and load instead of its own.
const unseen = "free, top, nproc and uptime show the host's values: "

// beginView opens the mounts that Start takes, meanwhile: the first container of a host waits for a server that has to be started.
func (c *Container) beginView() {
	c.view = make(chan []*os.File, 1)
	c.watchers.Go(func() {
		defer close(c.view)
		c.view <- c.openView()
	})
}

// takeView returns the mounts to the first who asks, who closes them; nil after Adopt.
func (c *Container) takeView() []*os.File {
	if c.view == nil {
		return nil
	}
	return <-c.view
}

// openView returns the mounts that show the container what it has, and keeps in mind why there are none: it runs without.
func (c *Container) openView() []*os.File {
	if c.runtime.opts.View == nil {
		return nil
	}
	mounts, err := c.runtime.opts.View(c.name)
	c.setUnseen(err)
	return mounts
}

func (c *Container) setUnseen(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unseen = ""
	if err != nil {
		c.unseen = unseen + err.Error()
	}
}

// Sees tells whether the container looks at files of the device, "0:42", in place of each of files that this kernel has: a
// renewal that was cut short leaves some of them bare. Only the kernel's table is read, since a file whose server hangs must
// not be touched.
func (c *Container) Sees(device string, files []string) bool {
	covers, err := c.covers()
	if err != nil || len(covers) == 0 {
		return false
	}
	covered := map[string]bool{}
	for _, f := range covers {
		if f.device != device {
			return false
		}
		covered[f.path] = true
	}
	return !slices.ContainsFunc(files, func(name string) bool { return !covered["/"+name] && kernelHas("/"+name) })
}

// kernelHas tells whether there is such a file at all; coverFile leaves out the others. It is opened as a path only, which
// asks nothing of a server that shows its own to the host.
func kernelHas(path string) bool {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	_ = unix.Close(fd)
	return true
}

// cover is a file of FUSE that is mounted over one of /proc or /sys in the container.
type cover struct{ path, device string }

// covers lists them in the order in which they were mounted.
func (c *Container) covers() ([]cover, error) {
	table, err := os.ReadFile("/proc/" + strconv.Itoa(c.pid) + "/mountinfo")
	if linux.PidfdEnded(c.pidfd) {
		return nil, errEnded // it may be another process's
	}
	if err != nil {
		return nil, fmt.Errorf("read mounts of PID 1: %w", err)
	}
	var found []cover
	for line := range bytes.Lines(table) {
		// "36 35 98:0 /root /point options optional - fstype source super": proc_pid_mountinfo(5)
		before, after, _ := strings.Cut(string(line), " - ")
		f := strings.Fields(before)
		if len(f) > 4 && strings.HasPrefix(after, "fuse") && (strings.HasPrefix(f[4], "/proc/") || strings.HasPrefix(f[4], "/sys/")) {
			found = append(found, cover{path: f[4], device: f[2]})
		}
	}
	return found, nil
}

// Renew gives a running container other mounts to see what it has through, in place of those it has. Each is named by its place.
// Until then nothing of the container but the reading of those files is disturbed.
func (c *Container) Renew(open func() ([]*os.File, error)) error {
	c.renewing.Lock()
	defer c.renewing.Unlock()
	mounts, err := open()
	defer func() {
		for _, m := range mounts {
			m.Close()
		}
	}()
	if err == nil {
		err = c.replace(mounts)
	}
	c.setUnseen(err)
	return err
}

// replace takes the covers away that are there and puts mounts in their place. It asks none of their servers anything.
func (c *Container) replace(mounts []*os.File) error {
	old, err := c.covers()
	if err != nil {
		return err
	}
	err = linux.InMountNS(c.pidfd, func() error {
		for _, f := range slices.Backward(old) {
			if err := uncover(f.path); err != nil {
				return err
			}
		}
		for _, m := range mounts {
			if err := coverFile(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("renew what the site sees: %w", err)
	}
	return nil
}

// uncover unmounts what lies on a file of the kernel's.
func uncover(path string) error {
	dir, err := openKernels(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Fchdir(int(dir.Fd())); err != nil {
		return fmt.Errorf("enter %s: %w", filepath.Dir(path), err)
	}
	if err := unix.Unmount(filepath.Base(path), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	return nil
}

// coverFile mounts a file over the kernel's of the same place, unless this kernel has none there.
func coverFile(mount *os.File) error {
	path := "/" + mount.Name()
	dir, err := openKernels(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	target, err := linux.OpenBeneath(dir, filepath.Base(path), unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer target.Close()
	same, err := sameDevice(dir, target)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("%s is not the kernel's", path)
	}
	return linux.Attach(mount, target)
}

// openKernels opens a directory of procfs or sysfs. What a site could have put in the way is neither followed nor taken.
func openKernels(path string) (*os.File, error) {
	root, err := os.OpenFile("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the root: %w", err)
	}
	defer root.Close()
	dir, err := linux.OpenBeneath(root, path[1:], unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		dir.Close()
		return nil, fmt.Errorf("stat file system of %s: %w", path, err)
	}
	if st.Type != unix.PROC_SUPER_MAGIC && st.Type != unix.SYSFS_MAGIC {
		dir.Close()
		return nil, fmt.Errorf("%s is not the kernel's", path)
	}
	return dir, nil
}

// sameDevice tells whether two files are of one file system. The server of neither is asked (statx(2), AT_STATX_DONT_SYNC).
func sameDevice(a, b *os.File) (bool, error) {
	var of [2]unix.Statx_t
	for i, f := range []*os.File{a, b} {
		if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &of[i]); err != nil {
			return false, fmt.Errorf("stat %s: %w", f.Name(), err)
		}
	}
	return of[0].Dev_major == of[1].Dev_major && of[0].Dev_minor == of[1].Dev_minor, nil
}
