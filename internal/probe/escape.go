package probe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// escapes are the ways out of containers that have been found so far.
func escapes() []Attempt {
	var tries []Attempt
	for _, path := range []string{
		"/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cpu/release_agent", "/sys/fs/cgroup/rdma/release_agent",
		"/sys/fs/cgroup/notify_on_release", "/sys/fs/cgroup/devices/devices.allow", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/cgroup.subtree_control",
		"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/unified/cgroup.procs",
	} {
		tries = append(tries, plain("cgroup: write "+path, func() error { return write(path) }, refusedFile()...))
	}
	return group("escape routes", "EPERM", append(tries,
		plain("cgroup: make one", func() error { return unix.Mkdir("/sys/fs/cgroup/probe", 0o755) }, refusedFile()...),
		plain("cgroup: write each file below /sys/fs/cgroup", func() error { return writeEach("/sys/fs/cgroup", nil) }, refusedFile()...),
		plain("cgroup: see a path of the host", cgroupPath, "none"),
		plain("core_pattern: write it", func() error { return write("/proc/sys/kernel/core_pattern") }, refusedFile()...),
		plain("core_pattern: dump core for it", crash, "no core"),
		plain("core_pattern: allow core dumps", allowCores, "limit 1"),
		plain("binfmt_misc: register", func() error { return write("/proc/sys/fs/binfmt_misc/register") }, refusedFile()...),
		plain("modprobe: name another program", func() error { return write("/proc/sys/kernel/modprobe") }, refusedFile()...),
		plain("uevent_helper: name another program", func() error { return write("/sys/kernel/uevent_helper") }, refusedFile()...),
		plain("/proc/1/exe: open through a link", func() error { return throughLink("/proc/1/exe", openForWriting) }, refusedFile()...),
		Attempt{Name: "/proc/1/exe: execute through a link", Apart: true, Want: refusedFile(), Do: func(Scene) error {
			return throughLink("/proc/1/exe", func(path string) error { return unix.Exec(path, []string{"x"}, nil) })
		}},
		Attempt{Name: "/proc/1/exe: as an interpreter", Apart: true, Want: refusedFile(), Do: func(Scene) error {
			return interpreted("#!/proc/1/exe\n")
		}},
		plain("/proc/1/root: list it", func() error { return second(os.ReadDir("/proc/1/root/")) }, refusedFile()...),
		plain("/proc/1/cwd: go up from it", func() error { return second(os.ReadDir("/proc/1/cwd/../../..")) }, refusedFile()...),
		plain("open_by_handle_at: the root of the host", func() error { return forked(unix.SYS_OPEN_BY_HANDLE_AT, 0) }),
		Attempt{Name: "chroot: up and out", Apart: true, Want: []string{"the same root"}, Do: func(Scene) error { return chrootEscape() }},
		plain("descriptors: of the host in a process", func() error { return hostDescriptors("fd") }, "none"),
		plain("descriptors: directory of a process outside", func() error { return hostDescriptors("") }, "none"),
		Attempt{Name: "setuid: become root of more than the site", Want: []string{"the site's own ids"}, Do: setuidProgram},
		plain("setuid: an id outside the range", func() error {
			_, _, number := unix.RawSyscall(unix.SYS_SETRESUID, 70000, 70000, 70000)
			if number != 0 {
				return number
			}
			return nil
		}, "EINVAL"),
		plain("id map: write one's own", func() error { return os.WriteFile("/proc/self/uid_map", []byte("0 0 4294967295\n"), 0) }, "EPERM"),
		plain("fuse: open the device", func() error { return open("/dev/fuse") }, "ENOENT"),
		plain("fuse: mount", func() error { return unix.Mount("f", "/mnt", "fuse.x", 0, "fd=0,rootmode=40000,user_id=0,group_id=0") }),
		plain("overlay: in a new user namespace", func() error {
			if err := unix.Unshare(unix.CLONE_NEWUSER | unix.CLONE_NEWNS); err != nil {
				return err
			}
			return unix.Mount("overlay", "/mnt", "overlay", 0, "lowerdir=/etc:/usr")
		}),
		plain("overlay: set its private attribute", func() error { return unix.Setxattr("/tmp", "trusted.overlay.redirect", []byte("/"), 0) }),
		plain("seccomp: state of this process", func() error { return said(statusLine("Seccomp")) }, "2"),
	)...)
}

func openForWriting(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

func throughLink(target string, act func(string) error) error {
	link := scratch("link")
	if err := os.Symlink(target, link); err != nil {
		return fault{err}
	}
	defer os.Remove(link)
	return act(link)
}

func interpreted(script string) error {
	path := scratch("script")
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		return fault{err}
	}
	defer os.Remove(path)
	return unix.Exec(path, []string{path}, nil)
}

// cgroupPath looks for more than the own root in /proc/self/cgroup.
func cgroupPath() error {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return fault{err}
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasSuffix(line, ":/\n") {
			return said("sees " + strings.TrimSpace(line))
		}
	}
	return said("none")
}

// allowCores asks for core dumps, which the filter may answer with a yes, and says what the limit is then.
func allowCores() error {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1 << 30, Max: unix.RLIM_INFINITY})
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	var limit unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_CORE, nil, &limit); err != nil {
		return fault{err}
	}
	return said(fmt.Sprintf("limit %d", limit.Cur))
}

// chrootEscape leaves a chroot the classic way, by a directory that stays open outside of it: that leads to the site's own
// root and no further.
func chrootEscape() error {
	var before, after unix.Stat_t
	if err := unix.Stat("/", &before); err != nil {
		return fault{err}
	}
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return fault{err}
	}
	defer os.Remove("/" + dir)
	outside, err := unix.Open("/", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fault{err}
	}
	if err := unix.Chroot(dir); err != nil {
		return err
	}
	if err := unix.Fchdir(outside); err != nil {
		return err
	}
	for range 64 {
		if err := unix.Chdir(".."); err != nil {
			return err
		}
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	if err := unix.Stat("/", &after); err != nil {
		return err
	}
	if before.Dev == after.Dev && before.Ino == after.Ino {
		return said("the same root")
	}
	return said("another root")
}

// hostDescriptors looks in every process that may be looked at for a file of a mount that the site does not have: fd are the
// descriptors, "" the directories.
func hostDescriptors(kind string) error {
	mounts, err := mountIDs()
	if err != nil {
		return fault{err}
	}
	looked := 0
	for _, pid := range processes() {
		links, err := os.ReadDir("/proc/" + pid + "/fd")
		if err != nil {
			continue // PID 1, which is not dumpable, or one that has ended
		}
		looked++
		if kind == "" {
			for _, name := range []string{"cwd", "root"} {
				if target, err := os.Readlink("/proc/" + pid + "/" + name); err == nil && strings.HasPrefix(target, "(unreachable)") {
					return said(name + " of process " + pid + ": " + target)
				}
			}
			continue
		}
		for _, fd := range links {
			target, err := os.Readlink("/proc/" + pid + "/fd/" + fd.Name())
			if err != nil || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "/memfd:") {
				continue // a pipe, a socket, a file without a path
			}
			id := mountIDOf(pid, fd.Name())
			if id != "" && !mounts[id] && !strings.HasSuffix(target, " (deleted)") {
				return said("descriptor " + fd.Name() + " of process " + pid + ": " + target)
			}
		}
	}
	if looked == 0 {
		return fault{errors.New("no process can be looked at")}
	}
	return said("none")
}

func mountIDs() (map[string]bool, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		id, _, _ := strings.Cut(line, " ")
		ids[id] = true
	}
	return ids, nil
}

// mountIDOf reads a descriptor's mount: proc_pid_fdinfo(5).
func mountIDOf(pid, fd string) string {
	data, err := os.ReadFile(filepath.Join("/proc", pid, "fdinfo", fd))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strings.TrimSpace(id)
		}
	}
	return ""
}

// setuidTime bounds the setuid program, which says a line.
const setuidTime = 20 * time.Second

// setuidProgram makes a copy of this program setuid root and has another user run it: it is root then, of the site and with
// the site's ids alone.
func setuidProgram(Scene) error {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return fault{err}
	}
	defer os.RemoveAll(dir)
	path := dir + "/su"
	if err := errors.Join(copySelf(path), os.Chmod(dir, 0o755), os.Chown(path, 0, 0), os.Chmod(path, 0o755|os.ModeSetuid)); err != nil {
		return fault{err}
	}
	child := exec.Command(path, "whoami")
	child.WaitDelay = setuidTime
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	out, err := child.CombinedOutput()
	if err != nil {
		return fault{fmt.Errorf("run it: %w: %s", err, short(string(out)))}
	}
	return said(strings.TrimSpace(string(out)))
}

// WhoAmI is what a setuid copy of this program says: whether its ids are those of the site, and its capabilities no more.
func WhoAmI() string {
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return err.Error()
	}
	f := strings.Fields(string(ids))
	switch {
	case len(f) != 3 || f[0] != "0" || f[1] == "0" || f[2] != "65536":
		return "id map " + strings.Join(f, " ")
	case unix.Geteuid() != 0 || unix.Getuid() != 1000:
		return fmt.Sprintf("ids %d and %d", unix.Getuid(), unix.Geteuid())
	case statusLine("CapBnd") != fmt.Sprintf("%016x", keptMask):
		return "bounding set " + statusLine("CapBnd")
	}
	return "the site's own ids"
}

func copySelf(path string) error {
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
