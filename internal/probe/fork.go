package probe

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// standard is struct sigaction of the kernel: SIG_DFL, no flags. A child has the Go runtime's handlers until it resets them.
type standard [32]byte

// forked makes a system call in a child that does nothing else, so that whatever it does if it is not refused, the child alone
// has it. The Go runtime knows nothing of the child, which must therefore stay out of it: raw calls only.
//
//go:norace
func forked(nr uintptr, arg uintptr) error {
	var action standard
	pid, _, number := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if number != 0 {
		return fault{number}
	}
	if pid == 0 {
		plainSignals(unsafe.Pointer(&action))
		_, _, number := unix.RawSyscall6(nr, arg, arg, arg, arg, arg, arg)
		leave(uintptr(number))
	}
	return outcomeOf(int(pid))
}

// forkedI386 is forked by the gate of i386, without arguments.
//
//go:norace
func forkedI386(nr uint32) error {
	var action standard
	pid, _, number := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if number != 0 {
		return fault{number}
	}
	if pid == 0 {
		plainSignals(unsafe.Pointer(&action))
		number := -int32(int80(nr))
		leave(uintptr(max(number, 0)))
	}
	return outcomeOf(int(pid))
}

// crash ends a child with a signal that asks for a core dump, and says whether there was one.
//
//go:norace
func crash() error {
	var action standard
	pid, _, number := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if number != 0 {
		return fault{number}
	}
	if pid == 0 {
		plainSignals(unsafe.Pointer(&action))
		self, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
		_, _, _ = unix.RawSyscall(unix.SYS_KILL, self, uintptr(unix.SIGSEGV), 0)
		leave(1)
	}
	status, err := reap(int(pid))
	switch {
	case err != nil:
		return err
	case !status.Signaled():
		return fault{fmt.Errorf("the child did not crash: %#x", uint32(status))}
	case status.CoreDump():
		return said("core dumped")
	}
	return said("no core")
}

// plainSignals has a child die of the signals by which the kernel answers a wrong system call.
//
//go:nosplit
//go:norace
func plainSignals(action unsafe.Pointer) {
	for _, signal := range [...]uintptr{uintptr(unix.SIGILL), uintptr(unix.SIGSEGV), uintptr(unix.SIGSYS)} {
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, signal, uintptr(action), 0, 8, 0, 0)
	}
}

// leave ends a child.
//
//go:nosplit
//go:norace
func leave(status uintptr) {
	for {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, status, 0, 0)
	}
}

// outcomeOf is what a child that made a system call ended with.
func outcomeOf(pid int) error {
	status, err := reap(pid)
	switch {
	case err != nil:
		return err
	case status.Signaled():
		return said("killed by " + unix.SignalName(status.Signal()))
	case status.ExitStatus() != 0:
		return unix.Errno(status.ExitStatus())
	}
	return nil
}

func reap(pid int) (status unix.WaitStatus, err error) {
	for {
		_, err = unix.Wait4(pid, &status, 0, nil)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return status, fault{fmt.Errorf("wait for the child: %w", err)}
	}
	return status, nil
}
