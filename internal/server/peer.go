package server

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// right is what a route asks of its caller. Each registration names one.
type right string

const (
	read  right = "read"  // looks, changes nothing
	write right = "write" // changes something, or runs something inside a site
)

// peer is the process at the other end of the socket, as the kernel noted it when it connected (SO_PEERCRED, unix(7)).
type peer struct {
	uid, gid uint32
	pid      int32
}

var errUnknownPeer = errors.New("the kernel does not say who is asking")

// allow decides whether p may use a route that asks for r. Who could open the socket may do everything: its mode is 0660
// root:logis, and the group is as good as root.
func allow(p *peer, r right) error {
	if p == nil {
		return fmt.Errorf("%s access refused: %w", r, errUnknownPeer)
	}
	return nil
}

type peerKey struct{}

// withPeer is the ConnContext of the HTTP server.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	p, err := peerOf(c)
	if err != nil {
		return ctx // allow refuses a connection without a peer
	}
	return context.WithValue(ctx, peerKey{}, p)
}

func peerFrom(ctx context.Context) *peer {
	p, _ := ctx.Value(peerKey{}).(*peer)
	return p
}

func peerOf(c net.Conn) (*peer, error) {
	var cred *unix.Ucred
	var credErr error
	err := withFD(c, func(fd int) { cred, credErr = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, credErr); err != nil {
		return nil, fmt.Errorf("read SO_PEERCRED: %w", err)
	}
	// On a TCP socket the kernel answers too, with pid 0 and uid -1.
	if cred.Pid == 0 && cred.Uid == ^uint32(0) {
		return nil, errUnknownPeer
	}
	return &peer{uid: cred.Uid, gid: cred.Gid, pid: cred.Pid}, nil
}
