package linux

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// OpenPidfd returns a descriptor of the process (pidfd_open(2)), non-blocking so that WaitPidfd can use the poller.
func OpenPidfd(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("pidfd_open %d: %w", pid, err)
	}
	return NewPidfd(fd)
}

// NewPidfd wraps a pidfd that came from elsewhere.
func NewPidfd(fd int) (*os.File, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set pidfd non-blocking: %w", err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// WaitPidfd returns when the process has ended, or with os.ErrClosed when f is closed meanwhile. No thread is held.
func WaitPidfd(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool { return pidfdEnded(int(fd)) })
}

// PidfdEnded reports whether the process has ended (a zombie has).
func PidfdEnded(f *os.File) bool {
	ended := true
	raw, err := f.SyscallConn()
	if err != nil {
		return true
	}
	if err := raw.Control(func(fd uintptr) { ended = pidfdEnded(int(fd)) }); err != nil {
		return true
	}
	return ended
}

func pidfdEnded(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return err != nil || n > 0
	}
}

// SignalPidfd sends a signal to the process (pidfd_send_signal(2)). A process that has ended is os.ErrProcessDone.
func SignalPidfd(f *os.File, sig unix.Signal) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	if err := raw.Control(func(fd uintptr) { serr = unix.PidfdSendSignal(int(fd), sig, nil, 0) }); err != nil {
		return err
	}
	if errors.Is(serr, unix.ESRCH) {
		return os.ErrProcessDone
	}
	if serr != nil {
		return fmt.Errorf("pidfd_send_signal %s: %w", sig, serr)
	}
	return nil
}

// ProcessStart returns when the process started, in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)).
// Together with the PID it names one process for as long as the machine runs.
func ProcessStart(pid int) (uint64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The command name, field 2, may hold anything but ends at the last parenthesis.
	i := strings.LastIndexByte(string(data), ')')
	fields := strings.Fields(string(data[i+1:]))
	if i < 0 || len(fields) < 20 {
		return 0, fmt.Errorf("parse /proc/%d/stat", pid)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}
