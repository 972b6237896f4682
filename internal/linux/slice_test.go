package linux

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSetSlice(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and let the thread go with its slice
		before, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Error(err)
			return
		}
		if err := SetSlice(0, 100*time.Microsecond); err != nil {
			t.Error(err)
		}
		after, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Error(err)
			return
		}
		if after.Policy != before.Policy || after.Nice != before.Nice {
			t.Errorf("policy and nice value were %d and %d, are %d and %d", before.Policy, before.Nice, after.Policy, after.Nice)
		}
		if before.Runtime != 0 && after.Runtime != 100_000 { // a kernel before 6.12 tells of no slice
			t.Errorf("the slice is %d ns", after.Runtime)
		}
	}()
	<-done
}
