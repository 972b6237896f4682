package linux

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// InNetNS runs fn on a thread of its own that has joined the network namespace netns, and waits for it. Sockets that fn
// opens belong to that namespace for good, and /proc/sys/net shows it; goroutines that fn starts do not run in it.
func InNetNS(netns *os.File, fn func() error) error {
	var err error
	OnOwnThread(func() {
		if err = unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("join network namespace: %w", err)
			return
		}
		err = fn()
	})
	return err
}

// InNewNetNS runs fn on a thread of its own in a new, empty network namespace, which ends with it, and waits for it.
func InNewNetNS(fn func() error) error {
	var err error
	OnOwnThread(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("make network namespace: %w", err)
			return
		}
		err = fn()
	})
	return err
}
