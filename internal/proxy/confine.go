package proxy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// User is who logis-proxy becomes when it is started as root.
const User = "logis-proxy"

// Identity is a user and its group.
type Identity struct{ UID, GID int }

// LookupIdentity finds the user name in /etc/passwd. Where it is missing, the error names the command that makes it.
func LookupIdentity(name string) (Identity, error) {
	u, err := user.Lookup(name)
	if _, ok := errors.AsType[user.UnknownUserError](err); ok {
		return Identity{}, fmt.Errorf("user %q does not exist: create it with: useradd --system --no-create-home"+
			" --shell /usr/sbin/nologin --user-group %s", name, name)
	}
	if err != nil {
		return Identity{}, fmt.Errorf("look up user %s: %w", name, err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return Identity{}, fmt.Errorf("look up user %s: %w", name, err)
	}
	if uid == 0 || gid == 0 {
		return Identity{}, fmt.Errorf("user %q is root's: give it a user and a group of its own", name)
	}
	return Identity{uid, gid}, nil
}

// MakeStateDir makes dir, which only its owner can enter, and gives it to id, if that is not nil. Its parent, where it is
// missing, is one that everybody can pass through.
func MakeStateDir(dir string, id *Identity) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(parent, 0o711); err != nil {
			return fmt.Errorf("make state directory: %w", err)
		}
		if err := os.Chmod(parent, 0o711); err != nil { // whatever the umask
			return fmt.Errorf("make state directory: %w", err)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make state directory: %w", err)
	}
	if id == nil {
		return nil
	}
	if err := os.Lchown(dir, id.UID, id.GID); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	return nil
}

// RaiseFileLimit raises the soft limit of open files to the hard one.
func RaiseFileLimit() error {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("read limit of open files: %w", err)
	}
	if files.Cur == files.Max {
		return nil
	}
	files.Cur = files.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("raise limit of open files: %w", err)
	}
	return nil
}

// Confine makes every thread of the process id's, if that is not nil, and takes from it, in any case, all capabilities,
// the way to get new ones through execve(2), and the right of others of its user to trace it. There is no way back.
// It needs a binary built without cgo.
func Confine(id *Identity) error {
	if id != nil {
		if err := syscall.Setgroups(nil); err != nil {
			return fmt.Errorf("give up root's groups: %w", err)
		}
		if err := syscall.Setresgid(id.GID, id.GID, id.GID); err != nil {
			return fmt.Errorf("become group %d: %w", id.GID, err)
		}
		if err := syscall.Setresuid(id.UID, id.UID, id.UID); err != nil {
			return fmt.Errorf("become user %d: %w", id.UID, err)
		}
	}
	// capset(2) and no_new_privs are a thread's own.
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have, none [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil || have != none { // else even a filter that forbids capset will do
		_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET,
			uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none[0])), 0)
		if errno != 0 {
			return fmt.Errorf("give up capabilities: %w", errno)
		}
	}
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("set no_new_privs: %w", errno)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("become undumpable: %w", err)
	}
	if id != nil && syscall.Setuid(0) == nil {
		return errors.New("give up root: it came back")
	}
	return nil
}
