package proxy

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reach is what a confined process may still do with files. Everything else is out of its reach, whatever its user may.
type Reach struct {
	Config  string // the configuration: its directory can be read
	Program string // a successor: its directory can be read and executed, though only for programs that need no other file
	State   string // files in it can be made, written and removed
}

// What landlock(7) knows of, by the version of its ABI from which on.
const (
	access1   = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // the first 13 bits
	readFiles = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	keepFiles = readFiles | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_REG
	runFiles = readFiles | unix.LANDLOCK_ACCESS_FS_EXECUTE
	ofFile   = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE // of these, what a rule for a file may name
)

// Fence shuts every thread of the process, and what it will execute, into reach (landlock(7)) and into the system calls of a
// proxy (seccomp(2)). There is no way back. A process that was started by a fenced one finds the fence around itself, and
// adds none: the kernel takes no more than 16. Where the kernel has no landlock, that is logged. It is called after Confine,
// and needs a binary built without cgo.
func Fence(reach Reach, log *slog.Logger) error {
	if fenced() {
		log.Info("confined", "by", "the predecessor")
		return nil
	}
	abi, err := enclose(reach)
	if err != nil {
		return fmt.Errorf("confine to own files: %w", err)
	}
	if abi == 0 {
		log.Warn("the kernel has no landlock: the proxy can read what its user can (enable it with lsm=landlock,… on the kernel's command line)")
	}
	if err := loadFilter(); err != nil {
		return fmt.Errorf("confine to own system calls: %w", err)
	}
	log.Info("confined", "landlock", abi)
	return nil
}

// enclose puts up landlock, and returns the version of its ABI; 0 where there is none.
func enclose(reach Reach) (abi int, err error) {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
	case unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM: // not built, not enabled, kept by a filter from outside
		return 0, nil
	default:
		return 0, errno
	}
	abi = int(version)
	attr := unix.LandlockRulesetAttr{Handled_access_fs: accesses(abi)}
	ruleset, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr.Handled_access_fs), 0)
	if errno != 0 {
		return 0, errno
	}
	defer unix.Close(int(ruleset))
	for _, rule := range rules(reach) {
		if err := allowPath(int(ruleset), rule.path, rule.access&attr.Handled_access_fs); err != nil {
			return 0, err
		}
	}
	// Each thread gets a layer of its own, all the same; threads made later inherit theirs.
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0, 0); errno != 0 {
		return 0, errno
	}
	return abi, nil
}

// accesses returns all that an ABI can forbid.
func accesses(abi int) uint64 {
	all := uint64(access1)
	if abi >= 2 {
		all |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		all |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 5 {
		all |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return all
}

type pathRule struct {
	path   string
	access uint64
}

// rules lists what can be reached: own files, and what Go reads to know the time zone, a host's name and the length of a
// socket's queue. Files that are replaced have their directory named: a rule is of a file, not of its name.
func rules(reach Reach) []pathRule {
	list := []pathRule{
		{filepath.Dir(reach.Config), readFiles},
		{filepath.Dir(reach.Program), runFiles},
		{"/proc/self/exe", ofFile}, // which starts the successor, wherever it was moved since
		{reach.State, keepFiles},
		{"/usr/share/zoneinfo", readFiles},
	}
	if target, err := filepath.EvalSymlinks(reach.Program); err == nil { // a link to the newest program
		list = append(list, pathRule{filepath.Dir(target), runFiles})
	}
	for _, file := range []string{
		"/etc/localtime", "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/services",
		"/proc/sys/net/core/somaxconn", "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
	} {
		list = append(list, pathRule{file, unix.LANDLOCK_ACCESS_FS_READ_FILE})
	}
	return list
}

// allowPath adds a rule. What is not there needs none.
func allowPath(ruleset int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	attr := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return &os.PathError{Op: "allow", Path: path, Err: errno}
	}
	return nil
}
