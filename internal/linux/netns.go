package linux

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// InNetNS runs fn on a thread of its own that has joined the network namespace netns, and waits for it. Sockets that fn
// opens belong to that namespace for good, and /proc/sys/net shows it; goroutines that fn starts do not run in it. The
// thread dies afterwards, so that no other goroutine ever runs in the wrong namespace.
func InNetNS(netns *os.File, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime ends the thread with this goroutine
		if err := unix.Setns(int(netns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("join network namespace: %w", err)
			return
		}
		done <- fn()
	}()
	return <-done
}
