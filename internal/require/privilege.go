package require

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const onHost = "run logisd as root of the host itself, not in a container"

// powers are the capabilities, capabilities(7), that making a site takes.
var powers = []struct {
	bit  uint
	name string
}{
	{unix.CAP_CHOWN, "CAP_CHOWN"},
	{unix.CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
	{unix.CAP_FOWNER, "CAP_FOWNER"},
	{unix.CAP_KILL, "CAP_KILL"},
	{unix.CAP_SETUID, "CAP_SETUID"},
	{unix.CAP_SETGID, "CAP_SETGID"},
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
}

// effective are the capabilities of this thread, a bit each.
func effective() (uint64, error) {
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	err := unix.Capget(&header, &data[0])
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), err
}

func privileges() Check {
	has, err := effective()
	if err != nil {
		return failed("privileges", err)
	}
	return privilegesOf(has)
}

func privilegesOf(has uint64) Check {
	const what = "privileges"
	var lacking []string
	for _, p := range powers {
		if has&(1<<p.bit) == 0 {
			lacking = append(lacking, p.name)
		}
	}
	if len(lacking) > 0 {
		return missing(what, "logisd lacks "+strings.Join(lacking, ", "), onHost)
	}
	return ok(what, "those of root")
}

// openFiles tells whether a limit of open files can be raised in a site that runs.
func openFiles() Check {
	has, err := effective()
	if err != nil {
		return failed("limits of open files", err)
	}
	return openFilesOf(has)
}

func openFilesOf(has uint64) Check {
	const what = "limits of open files"
	if has&(1<<unix.CAP_SYS_RESOURCE) == 0 {
		return warning(what, "logisd lacks CAP_SYS_RESOURCE: a raised --open-files holds from the next start of the site on", onHost)
	}
	return ok(what, "changed at once")
}

// kernelLog names the processes that the kernel kills for want of memory.
func kernelLog(r root) Check {
	const what = "kernel log"
	f, err := os.Open(r.path("/dev/kmsg"))
	if err != nil {
		return warning(what, "/dev/kmsg cannot be read: processes killed for want of memory are counted, not named", onHost)
	}
	f.Close()
	return ok(what, "names what is killed for want of memory")
}
