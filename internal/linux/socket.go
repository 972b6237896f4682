package linux

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// MaxSocketPath is the longest path of a unix socket in bytes: sun_path with its closing zero (unix(7)).
const MaxSocketPath = len(unix.RawSockaddrUnix{}.Path) - 1

// Socket listens at a path. Close removes the path too, unless another socket has taken it over.
type Socket struct {
	*net.UnixListener
	path string
	file fs.FileInfo
}

// ListenUnix listens on a unix socket at path with this mode and owner; a uid or gid of -1 stays as it is. It binds
// another name and renames: the path never shows with another owner or mode, and a stale socket is replaced in one step.
// The path must be a byte shorter than MaxSocketPath.
func ListenUnix(path string, mode os.FileMode, uid, gid int) (_ *Socket, err error) {
	fresh := path + "~"
	if len(fresh) > MaxSocketPath {
		return nil, fmt.Errorf("path of socket %s has %d bytes: %d is the most", path, len(path), MaxSocketPath-1)
	}
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		// bind(2) gives the file the mode of the socket itself, which spares the umask, and that is the whole process's.
		if e := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); e != nil {
			return e
		}
		return err
	}}
	listener, err := config.Listen(context.Background(), "unix", fresh)
	if err != nil {
		return nil, err
	}
	l := listener.(*net.UnixListener)
	l.SetUnlinkOnClose(false)
	defer func() {
		if err != nil {
			l.Close()
			os.Remove(fresh)
		}
	}()
	if err := os.Lchown(fresh, uid, gid); err != nil {
		return nil, err
	}
	if err := os.Chmod(fresh, mode); err != nil {
		return nil, err
	}
	file, err := os.Lstat(fresh)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(fresh, path); err != nil {
		return nil, err
	}
	return &Socket{UnixListener: l, path: path, file: file}, nil
}

// Close ends listening, and removes the path if it is still this socket's.
func (s *Socket) Close() error {
	err := s.UnixListener.Close()
	if now, e := os.Lstat(s.path); e == nil && os.SameFile(now, s.file) {
		err = errors.Join(err, os.Remove(s.path))
	}
	return err
}
