package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// right is what a route asks of its caller. Each registration names one.
type right string

const (
	read  right = "read"  // looks, changes nothing
	write right = "write" // changes something, or runs something inside a site
)

// maxGroups bounds the supplementary groups of a peer that are read: NGROUPS_MAX (getgroups(2)).
const maxGroups = 1 << 16

// peer is the process at the other end of the socket, as the kernel noted it when it connected (SO_PEERCRED and
// SO_PEERGROUPS, unix(7)): a user who joins or leaves a group since then has to connect anew.
type peer struct {
	uid, gid uint32
	pid      int32
	groups   []uint32 // supplementary
}

var errUnknownPeer = errors.New("the kernel does not say who is asking")

// allow decides whether p may use a route that asks for r. Both rights are those of root and of the members of the socket's
// group, which is as good as root: who may run a command in a site may do all else to it. It is the second look at what
// the mode of the socket says, for a socket that was made anew with another one. group 0 is none.
func allow(p *peer, group int, r right) error {
	switch {
	case p == nil:
		return fmt.Errorf("%s access refused: %w", r, errUnknownPeer)
	case p.uid == 0:
		return nil
	case group == 0:
		return fmt.Errorf("%s access refused to user %d: there is no group logis, so that only root may ask", r, p.uid)
	case !p.in(uint32(group)):
		return fmt.Errorf("%s access refused: user %d is not in group logis: join it (`adduser USER logis`, then log in again) or be root", r, p.uid)
	}
	return nil
}

func (p *peer) in(group uint32) bool { return p.gid == group || slices.Contains(p.groups, group) }

func peerOf(c net.Conn) (*peer, error) {
	var cred *unix.Ucred
	var groups []uint32
	var credErr, groupsErr error
	err := withFD(c, func(fd int) {
		cred, credErr = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
		groups, groupsErr = peerGroups(fd)
	})
	if err = errors.Join(err, credErr); err != nil {
		return nil, fmt.Errorf("read SO_PEERCRED: %w", err)
	}
	// On a TCP socket the kernel answers too, with pid 0 and uid -1.
	if cred.Pid == 0 && cred.Uid == ^uint32(0) {
		return nil, errUnknownPeer
	}
	if groupsErr != nil {
		return nil, fmt.Errorf("read SO_PEERGROUPS: %w", groupsErr)
	}
	return &peer{uid: cred.Uid, gid: cred.Gid, pid: cred.Pid, groups: groups}, nil
}

// peerGroups reads SO_PEERGROUPS, for which x/sys has no function.
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 32)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		need := int(size / 4)
		switch {
		case errno == 0:
			return groups[:min(need, len(groups))], nil
		case errno == unix.ERANGE && need > len(groups) && need <= maxGroups: // it says how many there are
			groups = make([]uint32, need)
		case errno == unix.ENODATA: // of a socket that was never connected
			return nil, nil
		default:
			return nil, errno
		}
	}
}

type connKey struct{}

// withConn is the ConnContext of the HTTP server.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connFrom returns the connection that a request came on; nil where the handler was called otherwise.
func connFrom(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}
