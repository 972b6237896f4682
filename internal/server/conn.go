package server

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// doorman accepts connections, looks who is there, and counts them.
type doorman struct {
	net.Listener
	server *Server
}

// Accept returns the next connection that is to be answered. One of a user who has too many is answered with a refusal, as
// long as there are not too many of these; then connections are closed without a word.
func (d *doorman) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(c)
		if err != nil {
			p = nil // allow refuses what it asks
		}
		uid := ^uint32(0) // of who is not known
		if p != nil {
			uid = p.uid
		}
		k := connections
		if !d.server.quota.take(k, uid) {
			if k = refusals; !d.server.quota.take(k, uid) {
				c.Close()
				d.server.rare.warn("connection closed: too many are open", "uid", uid)
				continue
			}
		}
		out := &conn{Conn: c, peer: p, over: k == refusals, free: func() { d.server.quota.give(k, uid) }}
		out.hurry(d.server.limits.Stall)
		return out, nil
	}
}

// conn is a connection and who is at its other end.
type conn struct {
	net.Conn
	peer *peer // nil: not known
	over bool  // one too many: what it asks is refused

	stall atomic.Int64 // nanoseconds that a write may make no progress; 0 is no limit
	once  sync.Once
	free  func()
}

// hurry sets how long the peer may leave what is written to it unread; 0 is for ever: a stream is the client's to pause, and
// holds nothing but itself.
func (c *conn) hurry(stall time.Duration) { c.stall.Store(int64(stall)) }

// Write gives p, a few kilobytes, the time to be taken. The deadline is set here, not in a handler, because net/http itself
// writes after the handler has returned.
func (c *conn) Write(p []byte) (int, error) {
	if stall := time.Duration(c.stall.Load()); stall > 0 {
		_ = c.SetWriteDeadline(time.Now().Add(stall)) // fails only on a closed connection
	}
	return c.Conn.Write(p)
}

// SyscallConn implements syscall.Conn, for withFD.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Close makes room for another connection.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.free)
	return err
}
