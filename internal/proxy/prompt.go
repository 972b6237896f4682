package proxy

import (
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// promptSlice is the least that the scheduler takes, as sites' processes have it (container/entry).
const promptSlice = 100 * time.Microsecond

// Prompt asks the scheduler to let the process run soon after it wakes, rather than long: what it does for a visitor is
// short, and the visitors of all sites wait for it. As root it also goes before other sessions of the host, where the kernel shares
// the processors by sessions (sched(7), the autogroup feature). Threads and programs that it starts inherit both. Where the host
// forbids it, all stays as it was.
func Prompt() error {
	if err := prompt(); !errors.Is(err, os.ErrPermission) { // EPERM and EACCES
		return err
	}
	return nil
}

func prompt() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := linux.SetSlice(tid, promptSlice); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return goBefore("/proc/self/autogroup")
}

// goBefore puts the process's session, whose autogroup file it is, before others. A kernel may be without sessions' groups
// (ENOENT), be asked too often (EAGAIN), or have this session in the group of all that never had one of their own, such as
// what PID 1 started without setsid(2), which has no weight to change (EINVAL).
func goBefore(file string) error {
	err := os.WriteFile(file, []byte("-10"), 0)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}
