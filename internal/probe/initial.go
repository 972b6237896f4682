package probe

import (
	"os"

	"golang.org/x/sys/unix"
)

// initAttempts are attempts at PID 1, whose program is the host's.
func initAttempts() []Attempt {
	var tries []Attempt
	for _, name := range []string{"environ", "maps", "mem", "auxv", "stack", "syscall", "personality"} {
		tries = append(tries, plain("read its "+name, func() error { return open("/proc/1/" + name) }))
	}
	for _, name := range []string{"mem", "oom_score_adj", "oom_adj", "clear_refs", "coredump_filter", "uid_map", "setgroups"} {
		tries = append(tries, plain("write its "+name, func() error { return write("/proc/1/" + name) }))
	}
	for _, name := range []string{"exe", "root", "cwd"} {
		tries = append(tries, plain("follow its "+name, func() error { return second(os.Readlink("/proc/1/" + name)) }))
	}
	for i := range tries {
		tries[i].Want = refusedFile()
	}
	return group("PID 1", "EPERM", append(tries,
		plain("open its exe for writing", func() error { return second(os.OpenFile("/proc/1/exe", os.O_WRONLY, 0)) }, refusedFile()...),
		Attempt{Name: "execute its exe", Apart: true, Want: refusedFile(), Do: func(Scene) error {
			return unix.Exec("/proc/1/exe", []string{"logis-init"}, nil)
		}},
		plain("list its descriptors", func() error { return second(os.ReadDir("/proc/1/fd")) }, refusedFile()...),
		plain("list its mapped files", func() error { return second(os.ReadDir("/proc/1/map_files")) }, refusedFile()...),
		plain("take its descriptor 3", func() error {
			fd, err := unix.PidfdOpen(1, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return second(unix.PidfdGetfd(fd, 3, 0))
		}),
		plain("trace it", func() error { return unix.PtraceSeize(1) }),
		plain("attach to it", func() error { return unix.PtraceAttach(1) }),
		plain("read its memory", func() error {
			buf := make([]byte, 8)
			_, err := unix.ProcessVMReadv(1, []unix.Iovec{{Base: &buf[0], Len: 8}}, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
			return err
		}),
		plain("write its memory", func() error {
			buf := make([]byte, 8)
			_, err := unix.ProcessVMWritev(1, []unix.Iovec{{Base: &buf[0], Len: 8}}, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
			return err
		}),
		// Says yes and does nothing: pid_namespaces(7). What follows shows that PID 1 lives.
		plain("kill it", func() error { return unix.Kill(1, unix.SIGKILL) }, Done, "EPERM"),
		plain("stop it", func() error { return unix.Kill(1, unix.SIGSTOP) }, Done, "EPERM"),
	)...)
}
