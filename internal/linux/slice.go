package linux

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// SetSlice sets the time slice that thread tid (0: the caller) asks the scheduler for, from 0.1 to 100 ms; policy and nice value
// stay. What the thread starts inherits it. A kernel before 6.12 takes it and does nothing (sched_setattr(2), sched_runtime of SCHED_OTHER).
func SetSlice(tid int, slice time.Duration) error {
	attr, err := unix.SchedGetAttr(tid, 0)
	if err != nil {
		return os.NewSyscallError("sched_getattr", err)
	}
	attr.Runtime = uint64(slice)
	return os.NewSyscallError("sched_setattr", unix.SchedSetAttr(tid, attr, 0))
}
