package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Search paths of Debian's login(1).
const (
	rootPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	userPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
)

// command is one child to be: always in a session of its own, with the groups of its account and nothing inherited.
type command struct {
	argv []string
	arg0 string // what the program sees as its name; "" is argv[0]
	// program is what is executed, if set, whatever argv[0] names.
	program *os.File
	user    account
	env     []string // beside the account's own
	dir     string
	files   [3]int // file descriptors; must be in blocking mode, they are shared with the child
	tty     bool   // files[0] becomes the controlling terminal
}

// start runs c. An error wraps fs.ErrNotExist when there is no such program.
func (g *guest) start(c command) (*process, error) {
	path := userPath
	if c.user.uid == 0 {
		path = rootPath
	}
	env := append([]string{
		"PATH=" + path, "HOME=" + c.user.home, "USER=" + c.user.name, "LOGNAME=" + c.user.name, "LANG=C.UTF-8",
	}, c.env...)
	program, err := c.path(path)
	if err != nil {
		return nil, err
	}
	argv := append([]string{c.argv[0]}, c.argv[1:]...)
	if c.arg0 != "" {
		argv[0] = c.arg0
	}
	p, err := g.reaper.start(program, argv, &syscall.ProcAttr{
		Dir: c.dir, Env: env, Files: []uintptr{uintptr(c.files[0]), uintptr(c.files[1]), uintptr(c.files[2])},
		Sys: &syscall.SysProcAttr{
			Setsid: true, Setctty: c.tty,
			Credential: &syscall.Credential{Uid: c.user.uid, Gid: c.user.gid, Groups: c.user.groups},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	return p, nil
}

// path is what execve(2) is told: in the child, which has our descriptors until then, the same file has the same number.
func (c command) path(search string) (string, error) {
	if c.program != nil {
		return fmt.Sprintf("/proc/self/fd/%d", c.program.Fd()), nil
	}
	return findProgram(c.argv[0], search)
}

// findProgram looks a name without slash up in the directories of path.
func findProgram(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for dir := range strings.SplitSeq(path, ":") {
		file := filepath.Join(dir, name)
		if fi, err := os.Stat(file); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 && name != "" {
			return file, nil
		}
	}
	return "", fmt.Errorf("run %s: command not found: %w", name, fs.ErrNotExist)
}

// pipeFrom returns a pipe that a child writes: our end polls, the child's end (a bare descriptor, to be closed) blocks.
func pipeFrom() (ours *os.File, theirs int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, fmt.Errorf("make a pipe: %w", err)
	}
	return pollable(fds[0]), fds[1], nil
}

// pipeTo is pipeFrom the other way: a child reads.
func pipeTo() (ours *os.File, theirs int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, -1, fmt.Errorf("make a pipe: %w", err)
	}
	return pollable(fds[1]), fds[0], nil
}

func pollable(fd int) *os.File {
	// Cannot fail on a descriptor that was made a moment ago.
	_ = unix.SetNonblock(fd, true)
	return os.NewFile(uintptr(fd), "pipe")
}

// openNull opens /dev/null as a bare descriptor.
func openNull() (int, error) {
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/null: %w", err)
	}
	return fd, nil
}

// makeDirectories makes what a service asks for. The last component is opened without following a link, so that the owner
// and mode go to a directory and nothing else.
func (g *guest) makeDirectories(list []Directory) error {
	for _, d := range list {
		if err := g.makeDirectory(d); err != nil {
			return fmt.Errorf("make directory %s: %w", d.Path, err)
		}
	}
	return nil
}

func (g *guest) makeDirectory(d Directory) error {
	user, err := g.accounts.lookup(d.User)
	if err != nil {
		return err
	}
	gid := user.gid
	if d.Group != "" {
		if gid, err = g.accounts.groupID(d.Group); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(d.Path), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(d.Path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fd, err := unix.Open(d.Path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat: %w", err)
	}
	if st.Uid == user.uid && st.Gid == gid && st.Mode&0o7777 == uint32(d.Mode) {
		return nil // a full disk refuses even a change that changes nothing
	}
	if err := unix.Fchown(fd, int(user.uid), int(gid)); err != nil {
		return fmt.Errorf("set owner: %w", err)
	}
	if err := unix.Fchmod(fd, uint32(d.Mode)); err != nil { // after fchown, which may clear set-id bits
		return fmt.Errorf("set mode: %w", err)
	}
	return nil
}
