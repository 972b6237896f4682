package guest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// dial connects to a service of the site, which ctx then bounds. It does without net.Dialer: most tries come before the service
// listens, and what a refusal costs is taken from the services that start.
func dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	to, family := unix.Sockaddr(&unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}), unix.AF_INET6
	if addr.Addr().Is4() {
		to, family = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}, unix.AF_INET
	}
	conn, err := connect(ctx, family, to)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return conn, nil
}

// dialAs connects to a unix socket as an account: the server asks the kernel who connected (unix(7), SO_PEERCRED).
func dialAs(ctx context.Context, path string, user account) (conn net.Conn, err error) {
	linux.OnOwnThread(func() {
		// Of the thread alone, and its effective ids alone: no process of the account may signal or trace it for that.
		const keep = ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, keep, uintptr(user.gid), keep); errno != 0 {
			err = fmt.Errorf("become %s: %w", user.name, errno)
			return
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(user.uid), keep); errno != 0 {
			err = fmt.Errorf("become %s: %w", user.name, errno)
			return
		}
		if conn, err = connect(ctx, unix.AF_UNIX, &unix.SockaddrUnix{Name: path}); err != nil {
			err = fmt.Errorf("connect to %s as %s: %w", path, user.name, err)
		}
	})
	return conn, err
}

// connect is socket(2) and connect(2). The deadline of ctx is the connection's, and the end of ctx breaks it.
func connect(ctx context.Context, family int, to unix.Sockaddr) (net.Conn, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	err = unix.Connect(fd, to)
	if errors.Is(err, unix.EINPROGRESS) {
		// Over lo the answer is there by now; to elsewhere the first write waits for it.
		var code int
		if code, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); code != 0 {
			err = unix.Errno(code)
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "socket")
	defer file.Close()
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	if at, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(at) // fails on a closed connection only
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return brokenBy{conn, stop}, nil
}

// brokenBy is a connection that forgets its context when it is closed.
type brokenBy struct {
	net.Conn
	stop func() bool
}

func (c brokenBy) Close() error {
	c.stop()
	return c.Conn.Close()
}
