package probe

import (
	"strconv"

	"golang.org/x/sys/unix"
)

func itoa(n int) string { return strconv.Itoa(n) }

// namespaces are attempts to make a namespace, in which root would have every capability again, or to enter one.
func namespaces() []Attempt {
	var tries []Attempt
	for _, ns := range []struct {
		name string
		flag int
		file string
	}{
		{"user", unix.CLONE_NEWUSER, "user"},
		{"mount", unix.CLONE_NEWNS, "mnt"},
		{"network", unix.CLONE_NEWNET, "net"},
		{"PID", unix.CLONE_NEWPID, "pid"},
		{"UTS", unix.CLONE_NEWUTS, "uts"},
		{"IPC", unix.CLONE_NEWIPC, "ipc"},
		{"cgroup", unix.CLONE_NEWCGROUP, "cgroup"},
		{"time", unix.CLONE_NEWTIME, "time"},
	} {
		tries = append(tries, plain("unshare a "+ns.name+" namespace", func() error { return unix.Unshare(ns.flag) }))
		if ns.flag != unix.CLONE_NEWTIME { // clone(2) has no bit left for it
			tries = append(tries, plain("clone into a "+ns.name+" namespace", func() error {
				return call(unix.SYS_CLONE, uintptr(ns.flag)|uintptr(unix.SIGCHLD))
			}))
		}
		tries = append(tries,
			plain("enter the "+ns.name+" namespace of PID 1", func() error { return setns("/proc/1/ns/"+ns.file, ns.flag) }, "EACCES"),
			plain("enter the own "+ns.name+" namespace", func() error { return setns("/proc/thread-self/ns/"+ns.file, ns.flag) }))
	}
	return group("namespaces", "EPERM", append(tries,
		plain("enter each namespace of PID 1 by a pidfd", func() error {
			fd, err := unix.PidfdOpen(1, 0)
			if err != nil {
				return fault{err}
			}
			defer unix.Close(fd)
			return unix.Setns(fd, unix.CLONE_NEWNS|unix.CLONE_NEWNET|unix.CLONE_NEWPID)
		}),
	)...)
}
