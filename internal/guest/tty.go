package guest

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/frame"
)

// startOnTerminal starts c with a new terminal of the site as its controlling terminal.
func (g *guest) startOnTerminal(x *execution, c command, rows, cols uint16) error {
	tty, theirs, err := openTerminal()
	if err != nil {
		return fmt.Errorf("open a terminal: %w", err)
	}
	defer unix.Close(theirs)
	gid, err := g.accounts.groupID("tty")
	if err != nil {
		gid = c.user.gid
	}
	// Like login(1): the user may open the terminal by name, others may at most write(1) to it. Best effort.
	_ = unix.Fchown(theirs, int(c.user.uid), int(gid))
	_ = unix.Fchmod(theirs, 0o620)
	if rows > 0 && cols > 0 {
		if err := resize(tty, rows, cols); err != nil {
			tty.Close()
			return err
		}
	}
	c.files, c.tty = [3]int{theirs, theirs, theirs}, true
	if x.process, err = g.start(c); err != nil {
		tty.Close()
		return err
	}
	x.tty, x.stdin, x.outputs[frame.Stdout] = tty, tty, tty
	return nil
}

// openTerminal returns a new terminal: our side polls, the command's side is a bare descriptor. The command's side comes
// from ours (TIOCGPTPEER, ioctl_tty(2)) and not from a path, which root of the site could have put something else at.
func openTerminal() (ours *os.File, theirs int, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, -1, err
	}
	ours = os.NewFile(uintptr(fd), "terminal")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		ours.Close()
		return nil, -1, fmt.Errorf("unlock: %w", err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		ours.Close()
		return nil, -1, fmt.Errorf("open its other side: %w", errno)
	}
	return ours, int(peer), nil
}

// resize sets the window size; the foreground process group gets SIGWINCH from the kernel.
func resize(tty *os.File, rows, cols uint16) error {
	var failed error
	raw, err := tty.SyscallConn()
	if err != nil {
		return err
	}
	if err := raw.Control(func(fd uintptr) {
		failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	}); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("set the window size: %w", failed)
	}
	return nil
}

// foreground returns the process group that has the terminal.
func foreground(tty *os.File) (int, error) {
	group := 0
	var failed error
	raw, err := tty.SyscallConn()
	if err != nil {
		return 0, err
	}
	if err := raw.Control(func(fd uintptr) { group, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) }); err != nil {
		return 0, err
	}
	return group, failed
}
