package container

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// Host is what this machine has to give: no site can have more.
type Host struct {
	Memory    int64 // bytes
	Swap      int64 // bytes, 0 where there is none
	CPUs      int   // that logisd, and with it every site, may run on
	Tasks     int64 // processes and threads of the whole machine
	OpenFiles int64 // of a process: as many as logisd itself may be allowed
}

// Host reads what this machine has (sysinfo(2), sched_getaffinity(2), proc(5): pid_max and threads-max, getrlimit(2)).
func (r *Runtime) Host() (Host, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return Host{}, fmt.Errorf("read memory of the machine: %w", err)
	}
	_, files, err := linux.OpenFilesLimit(0)
	if err != nil {
		return Host{}, err
	}
	h := Host{
		Memory: int64(info.Totalram) * int64(info.Unit), Swap: int64(info.Totalswap) * int64(info.Unit),
		CPUs: runtime.NumCPU(), OpenFiles: int64(min(files, 1<<62)),
	}
	for _, file := range []string{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"} {
		text, err := os.ReadFile(file)
		if err != nil {
			return Host{}, fmt.Errorf("read how many tasks the machine can have: %w", err)
		}
		n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return Host{}, fmt.Errorf("read %s: %w", file, err)
		}
		if h.Tasks == 0 || n < h.Tasks {
			h.Tasks = n
		}
	}
	return h, nil
}
