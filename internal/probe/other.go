package probe

import (
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// others are attempts at another site and at the daemons of the host, by whatever has a name on both sides.
func others() []Attempt {
	byPID := func(name string, do func(pid int) error) Attempt {
		return Attempt{Name: name, Want: []string{"ESRCH"}, Do: func(s Scene) error {
			if s.NeighbourPID == 0 {
				return untold(s, "there is no neighbour")
			}
			if _, err := os.Stat("/proc/" + strconv.Itoa(s.NeighbourPID)); err == nil {
				return lacks("the number of its PID 1 on the host is a process of this site too")
			}
			return do(s.NeighbourPID)
		}}
	}
	return group("other sites and daemons", "ENOENT",
		byPID("neighbour: signal its PID 1", func(pid int) error { return unix.Kill(pid, 0) }),
		byPID("neighbour: signal its process group", func(pid int) error { return unix.Kill(-pid, 0) }),
		byPID("neighbour: trace it", unix.PtraceSeize),
		byPID("neighbour: attach to it", unix.PtraceAttach),
		byPID("neighbour: open a pidfd", func(pid int) error { return second(unix.PidfdOpen(pid, 0)) }),
		byPID("neighbour: read its memory", func(pid int) error {
			buf := make([]byte, 8)
			_, err := unix.ProcessVMReadv(pid, []unix.Iovec{{Base: &buf[0], Len: 8}}, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
			return err
		}),
		byPID("neighbour: change its priority", func(pid int) error { return unix.Setpriority(unix.PRIO_PROCESS, pid, 10) }),
		byPID("neighbour: move it to another processor", func(pid int) error { return unix.SchedSetaffinity(pid, &unix.CPUSet{1}) }),
		byPID("neighbour: change its limits", func(pid int) error { return unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{}) }),
		Attempt{Name: "neighbour: connect to its abstract socket", Want: []string{"ECONNREFUSED"}, Do: func(s Scene) error { return abstract(s.Socket) }},
		Attempt{Name: "neighbour: see its abstract socket", Want: []string{"not listed"}, Do: func(s Scene) error { return listed(s.Socket) }},
		Attempt{Name: "neighbour: open its shared memory", Do: func(s Scene) error {
			if s.SharedMemory == 0 {
				return lacks("there is no neighbour")
			}
			return second(unix.SysvShmGet(s.SharedMemory, 0, 0))
		}},
		Attempt{Name: "host: connect to an abstract socket", Want: []string{"ECONNREFUSED"}, Do: func(s Scene) error { return abstract(s.HostSocket) }},
		Attempt{Name: "host: see an abstract socket", Want: []string{"not listed"}, Do: func(s Scene) error { return listed(s.HostSocket) }},
		Attempt{Name: "host: connect to a daemon's socket", Do: func(s Scene) error {
			seen := several{}
			for _, path := range s.Daemons {
				seen.add(dial(path))
			}
			return seen.allTold(s, "no daemon runs")
		}},
	)
}

func abstract(name string) error {
	if name == "" {
		return lacks("nobody holds one")
	}
	return dial("@" + name)
}

func dial(path string) error {
	conn, err := net.DialTimeout("unix", path, 5*time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}

// listed looks for an abstract socket in /proc/net/unix.
func listed(name string) error {
	if name == "" {
		return lacks("nobody holds one")
	}
	data, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return err
	}
	if strings.Contains(string(data), "@"+name) {
		return said("listed")
	}
	return said("not listed")
}
