package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// gate bounds how many visitors' connections are open at once, over all listeners and of one visitor, and how long one write
// to a visitor may make no progress.
type gate struct {
	slots    chan struct{} // one in it for each connection
	left     chan struct{} // a slot has become free; buffered, 1
	stall    time.Duration
	visitors *visitors
}

func newGate(clients int, stall time.Duration, v *visitors) *gate {
	return &gate{slots: make(chan struct{}, clients), left: make(chan struct{}, 1), stall: stall, visitors: v}
}

// release frees a slot.
func (g *gate) release() {
	<-g.slots
	select {
	case g.left <- struct{}{}:
	default:
	}
}

// await returns when no visitor's connection is left, or ctx is done. The listeners must be closed.
func (g *gate) await(ctx context.Context) {
	for len(g.slots) > 0 {
		select {
		case <-g.left:
		case <-ctx.Done():
			return
		}
	}
}

// clientLimit returns how many visitors the limit of open files allows: each needs its own connection and one to a site,
// beside the idle ones and the process's own.
func clientLimit() int {
	const own = 128
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 256
	}
	return max(64, (int(min(files.Cur, 1<<20))-idleUpstreams-own)/2)
}

// listener returns l behind the gate.
func (g *gate) listener(l net.Listener) net.Listener {
	return &gatedListener{Listener: l, gate: g, closed: make(chan struct{})}
}

type gatedListener struct {
	net.Listener
	gate   *gate
	once   sync.Once
	closed chan struct{}
}

// Accept waits for a free slot, then for a visitor who has not too many connections; further visitors wait in the kernel's
// queue.
func (l *gatedListener) Accept() (net.Conn, error) {
	select {
	case l.gate.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, visitor, err := l.next()
	if err != nil {
		l.gate.release()
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok { // fails only on a connection that is broken
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 4})
	}
	return &conn{Conn: c, gate: l.gate, visitor: visitor}, nil
}

// next accepts connections until one is of a visitor who may have it.
func (l *gatedListener) next() (net.Conn, netip.Addr, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, netip.Addr{}, err
		}
		visitor := l.gate.visitors.of(c.RemoteAddr())
		if l.gate.visitors.enter(visitor) {
			return c, visitor, nil
		}
		if tcp, ok := c.(*net.TCPConn); ok { // so that the kernel keeps nothing of it; fails only on a connection that is broken
			_ = tcp.SetLinger(0)
		}
		c.Close()
	}
}

// Close ends Accept.
func (l *gatedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn is a visitor's connection. The deadline is set here, not in the handler, because the server itself writes after
// the handler has returned, and a WebSocket after the handler's writer is no longer used.
type conn struct {
	net.Conn
	gate    *gate
	visitor netip.Addr
	once    sync.Once
}

// Write gives p, at most some tens of kilobytes, the gate's stall to be taken.
func (c *conn) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(c.gate.stall)) // fails only on a closed connection
	return c.Conn.Write(p)
}

// CloseWrite is how the server lets the visitor read the last answer before the connection closes.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close frees the slot.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.gate.visitors.leave(c.visitor)
		c.gate.release()
	})
	return err
}
