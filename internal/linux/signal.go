package linux

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lastSignal is SIGRTMAX (signal(7)).
const lastSignal = 64

// sigaction is the kernel's struct of rt_sigaction(2), on the architectures that Go and logis share.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// sigIgnore is SIG_IGN.
const sigIgnore = 1

// RestoreSignals gives every signal that is ignored its default back: what is ignored stays so across execve(2), and who
// started this process may have ignored anything. Handlers are left alone.
func RestoreSignals() error {
	for sig := uintptr(1); sig <= lastSignal; sig++ {
		var action sigaction
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&action)), 8, 0, 0)
		if errno != 0 {
			return fmt.Errorf("read action of signal %d: %w", sig, errno)
		}
		if action.handler != sigIgnore {
			continue
		}
		action = sigaction{}
		_, _, errno = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
		if errno != 0 {
			return fmt.Errorf("restore signal %d: %w", sig, errno)
		}
	}
	return nil
}
