package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	dnsHeader    = 12       // bytes, RFC 1035 4.1.1: anything shorter is no message
	maxUDPQuery  = 4 << 10  // bytes
	maxUDPAnswer = 16 << 10 // bytes
	udpPatience  = 5 * time.Second
	tcpBuffer    = 4 << 10          // bytes, each way
	tcpPatience  = 10 * time.Second // for the next byte

	maxQueries        = 256 // under way at once: over UDP one is a question, over TCP a connection
	maxQueriesPerSite = 32
)

// relay carries DNS messages between sites and a nameserver that only the host can reach. It does not look into them
// beyond their length. What is too much is dropped: the asker asks again.
type relay struct {
	udp    *net.UDPConn
	tcp    *net.TCPListener
	log    *slog.Logger
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	upstream netip.AddrPort
	active   map[netip.Addr]int // questions under way, by site
	total    int
}

// listenRelay starts a relay at listen, to be stopped by its caller.
func listenRelay(ctx context.Context, listen, upstream netip.AddrPort, log *slog.Logger) (*relay, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &relay{upstream: upstream, log: log, cancel: cancel, active: map[netip.Addr]int{}}
	var err error
	if r.udp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(listen)); err == nil {
		r.tcp, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(listen))
	}
	if err != nil {
		r.stop()
		return nil, fmt.Errorf("relay names for sites: %w", err)
	}
	r.done.Go(func() { r.serveUDP(ctx) })
	r.done.Go(func() { r.serveTCP(ctx) })
	return r, nil
}

func (r *relay) setUpstream(upstream netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.upstream = upstream
}

// dial opens a connection, so a source port, of its own for one question or one client.
func (r *relay) dial(ctx context.Context, network string) (net.Conn, error) {
	r.mu.Lock()
	upstream := r.upstream
	r.mu.Unlock()
	return (&net.Dialer{Timeout: udpPatience}).DialContext(ctx, network, upstream.String())
}

// stop ends the relay and waits for it. It may be called on nil and twice.
func (r *relay) stop() {
	if r == nil {
		return
	}
	r.cancel()
	if r.udp != nil {
		r.udp.Close()
	}
	if r.tcp != nil {
		r.tcp.Close()
	}
	r.done.Wait()
}

// enter counts a question of a site; false means that there are too many.
func (r *relay) enter(site netip.Addr) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total >= maxQueries || r.active[site] >= maxQueriesPerSite {
		return false
	}
	r.total++
	r.active[site]++
	return true
}

func (r *relay) leave(site netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total--
	if r.active[site]--; r.active[site] == 0 {
		delete(r.active, site)
	}
}

func (r *relay) serveUDP(ctx context.Context) {
	buf := make([]byte, maxUDPQuery+1)
	for ctx.Err() == nil {
		size, from, err := r.udp.ReadFromUDPAddrPort(buf)
		if err != nil {
			if !pause(ctx, err) {
				return
			}
			continue
		}
		if size < dnsHeader || size > maxUDPQuery || !r.enter(from.Addr()) {
			continue
		}
		query := append([]byte(nil), buf[:size]...)
		r.done.Go(func() {
			defer r.leave(from.Addr())
			if answer, err := r.ask(ctx, query); err == nil {
				_, _ = r.udp.WriteToUDPAddrPort(answer, from) // lost answers are asked for again
			}
		})
	}
}

// ask returns the answer to a query: the first message with its ID.
func (r *relay) ask(ctx context.Context, query []byte) ([]byte, error) {
	c, err := r.dial(ctx, "udp")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.SetDeadline(time.Now().Add(udpPatience)); err != nil {
		return nil, err
	}
	if _, err := c.Write(query); err != nil {
		return nil, err
	}
	answer := make([]byte, maxUDPAnswer)
	for {
		size, err := c.Read(answer)
		if err != nil {
			return nil, err
		}
		if size >= dnsHeader && answer[0] == query[0] && answer[1] == query[1] {
			return answer[:size], nil
		}
	}
}

func (r *relay) serveTCP(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := r.tcp.AcceptTCP()
		if err != nil {
			if !pause(ctx, err) {
				return
			}
			continue
		}
		site := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
		if !r.enter(site) {
			c.Close()
			continue
		}
		r.done.Go(func() {
			defer r.leave(site)
			defer c.Close()
			if err := r.join(ctx, c); err != nil {
				r.log.Debug("relay of names ended", "site", site, "err", err)
			}
		})
	}
}

// join copies both ways until both sides end, one is silent for tcpPatience, or ctx ends.
func (r *relay) join(ctx context.Context, site *net.TCPConn) error {
	c, err := r.dial(ctx, "tcp")
	if err != nil {
		return err
	}
	up := c.(*net.TCPConn)
	defer up.Close()
	defer context.AfterFunc(ctx, func() { site.Close(); up.Close() })()
	answers := make(chan error, 1)
	go func() { answers <- copyBytes(site, up) }()
	err = copyBytes(up, site)
	return errors.Join(err, <-answers)
}

// copyBytes copies until from ends, which it tells to, or until an error, at which it closes both.
func copyBytes(to, from *net.TCPConn) error {
	buf := make([]byte, tcpBuffer)
	for {
		err := from.SetReadDeadline(time.Now().Add(tcpPatience))
		var size int
		if err == nil {
			size, err = from.Read(buf)
		}
		if errors.Is(err, io.EOF) {
			return to.CloseWrite()
		}
		if err == nil {
			err = to.SetWriteDeadline(time.Now().Add(tcpPatience))
		}
		if err == nil {
			_, err = to.Write(buf[:size])
		}
		if err != nil {
			from.Close()
			to.Close()
			return err
		}
	}
}

// pause waits a little after an error of a listening socket (no descriptors left); false means that it was closed.
func pause(ctx context.Context, err error) bool {
	if errors.Is(err, net.ErrClosed) {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(100 * time.Millisecond):
		return true
	}
}
