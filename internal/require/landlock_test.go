package require

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestLandlock(t *testing.T) {
	for errno, want := range map[unix.Errno]Status{0: OK, unix.EOPNOTSUPP: Warning, unix.ENOSYS: Warning, unix.EPERM: Warning} {
		c := landlockOf(2, errno)
		if c.Status != want || c.Found == "" || (c.Mend == "") != (want == OK) {
			t.Errorf("errno %d: %+v", errno, c)
		}
	}
}
