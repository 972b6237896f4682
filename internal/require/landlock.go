package require

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// landlock tells whether logis-proxy can be kept to its own files.
func landlock() Check {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	return landlockOf(int(version), errno)
}

func landlockOf(version int, errno unix.Errno) Check {
	const what = "landlock"
	switch {
	case errno == 0:
		return ok(what, fmt.Sprintf("version %d: the proxy reaches its own files only", version))
	case errors.Is(errno, unix.ENOSYS), errors.Is(errno, unix.EOPNOTSUPP):
		return warning(what, "not in this kernel or not enabled: the proxy can read what its user can",
			"put landlock in front of what lsm= lists on the kernel's command line")
	}
	return failed(what, errno)
}
