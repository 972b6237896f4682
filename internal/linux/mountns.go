package linux

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// InMountNS runs fn on a thread of its own that has joined the mount namespace of a process, root and working directory
// included, and waits for it. Descriptors that fn opens stay good; goroutines that fn starts do not run in it.
func InMountNS(pidfd *os.File, fn func() error) error {
	var err error
	OnOwnThread(func() {
		// setns(2) refuses a mount namespace to a thread that shares its root with others.
		if err = unix.Unshare(unix.CLONE_FS); err != nil {
			err = fmt.Errorf("unshare root and working directory: %w", err)
			return
		}
		raw, rerr := pidfd.SyscallConn()
		if rerr != nil {
			err = rerr
			return
		}
		if cerr := raw.Control(func(fd uintptr) { err = unix.Setns(int(fd), unix.CLONE_NEWNS) }); cerr != nil {
			err = cerr // it was closed
		}
		if err != nil {
			err = fmt.Errorf("join mount namespace: %w", err)
			return
		}
		err = fn()
	})
	return err
}
