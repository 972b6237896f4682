package network

import (
	"context"
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Redirect leads p.SSHPort of the host to port 22 of the site, for IPv4 and IPv6. A redirect of that port to another
// address is replaced.
func (n *Network) Redirect(ctx context.Context, p Port) error {
	if err := errors.Join(ctx.Err(), n.check(p)); err != nil {
		return err
	}
	if p.SSHPort == 0 {
		return errors.New("redirect port 0: no such port")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.redirects[p.Index] = p
	if err := put(n.redirectElements(p)...); err != nil {
		return fmt.Errorf("redirect port %d to %s: %w", p.SSHPort, p.Addr4, err)
	}
	return nil
}

// RemoveRedirect ends the redirect of p.SSHPort, if there is one. Connections that are open stay so.
func (n *Network) RemoveRedirect(ctx context.Context, p Port) error {
	if err := ctx.Err(); err != nil || p.SSHPort == 0 {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.redirects, p.Index)
	if err := remove(n.redirectElements(p)...); err != nil {
		return fmt.Errorf("remove redirect of port %d: %w", p.SSHPort, err)
	}
	return nil
}

// PortFree reports whether no program of the host has TCP port, of any of its IPv4 and IPv6 addresses: a redirect would
// hide it.
func (n *Network) PortFree(port uint16) bool {
	for _, family := range []string{"tcp4", "tcp6"} {
		l, err := net.ListenTCP(family, &net.TCPAddr{Port: int(port)})
		if err == nil {
			l.Close()
		} else if errors.Is(err, unix.EADDRINUSE) {
			return false
		}
	}
	return port != 0
}
