package linux

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// DropBounding empties the bounding set of the calling thread but for keep, numbers of capabilities: no later execve(2) gives it
// another (capabilities(7), PR_CAPBSET_DROP). Lock the goroutine to the thread before.
func DropBounding(keep []uint) error {
	var kept uint64
	for _, c := range keep {
		kept |= 1 << c
	}
	for c := range uint(64) {
		if kept&(1<<c) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err == unix.EINVAL {
			return nil // past the kernel's last capability
		} else if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	return nil
}
