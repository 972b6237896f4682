package probe

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// identity are acts of root of a site that must go well, so that what is refused elsewhere is no mere lack of everything.
func identity() []Attempt {
	return group("what must work", Done,
		plain("chown in the site's range", func() error { return unix.Chown("/tmp", 0, 0) }),
		plain("chown outside of it", func() error { return unix.Chown("/tmp", 70000, 70000) }, "EINVAL"),
		Attempt{Name: "chroot", Apart: true, Do: func(Scene) error { return unix.Chroot("/tmp") }},
		Attempt{Name: "become another user", Apart: true, Do: func(Scene) error { return syscall.Setresuid(1000, 1000, 1000) }},
		plain("open a terminal", func() error { return open("/dev/ptmx") }),
		plain("listen on port 80 of the site", listenLow, Done, "EADDRINUSE"),
		plain("trace a process of the site", traceSelf),
		plain("PID 1 lives", func() error { return open("/proc/1/status") }),
	)
}

// listenLow binds a port below 1024, or finds that the site's own web server has it.
func listenLow() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Port: 80})
}

// traceSelf has a child traced, as debuggers of the owner's do.
func traceSelf() error {
	child, err := os.StartProcess("/proc/self/exe", []string{"logis-probe", "whoami"}, &os.ProcAttr{
		Sys: &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return err
	}
	_ = child.Kill()
	return second(child.Wait())
}
