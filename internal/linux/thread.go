package linux

import (
	"fmt"
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

// StayHere keeps the calling thread, which its goroutine has locked, on one of the processors that it may run on.
func StayHere() error {
	var may, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return fmt.Errorf("read processors of a thread: %w", err)
	}
	cpu := 0
	for !may.IsSet(cpu) && cpu < 64*len(may) {
		cpu++
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("keep a thread on one processor: %w", err)
	}
	return nil
}
