package linux

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// OnOwnThread runs fn on a thread that no other goroutine runs on before or after, and waits for it. fn may change what
// belongs to a thread, its namespaces say: the thread ends with fn.
func OnOwnThread(fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		// The runtime ends a locked thread with its goroutine, but keeps the first one for good, and with it a namespace that it
		// is in; /proc/self stands for it. While it is locked here, the next goroutine gets another.
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			OnOwnThread(fn)
			return
		}
		fn()
	}()
	<-done
}
