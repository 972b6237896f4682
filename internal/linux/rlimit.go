package linux

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// OpenFilesLimit is the limit of open files of a process, the soft and the hard one (prlimit(2)).
func OpenFilesLimit(pid int) (soft, hard uint64, err error) {
	var l unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &l); err != nil {
		return 0, 0, fmt.Errorf("read the limit of open files of process %d: %w", pid, err)
	}
	return l.Cur, l.Max, nil
}

// SetOpenFilesLimit sets both. EPERM: to raise the hard one takes CAP_SYS_RESOURCE on the host.
func SetOpenFilesLimit(pid int, soft, hard uint64) error {
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: soft, Max: hard}, nil); err != nil {
		return fmt.Errorf("limit the open files of process %d: %w", pid, err)
	}
	return nil
}
