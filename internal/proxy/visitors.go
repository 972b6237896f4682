package proxy

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// visitors counts the connections of each visitor, so that none has all there are. A visitor is an IPv4 address or, since whoever
// has one IPv6 address has a network of them, a /64; the sites, which share a network, are one each.
type visitors struct {
	most  int          // of one visitor
	sites netip.Prefix // whose addresses count one by one
	log   *slog.Logger

	mu     sync.Mutex
	open   map[netip.Addr]int // none where there are none: bounded by the connections
	warned time.Time
}

func newVisitors(most int, sites netip.Prefix, log *slog.Logger) *visitors {
	return &visitors{most: most, sites: sites, log: log, open: map[netip.Addr]int{}}
}

// of returns whom a connection is counted for.
func (v *visitors) of(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	if !addr.Is6() || v.sites.Contains(addr) {
		return addr
	}
	network, err := addr.Prefix(64)
	if err != nil {
		return addr
	}
	return network.Addr()
}

// enter counts a connection, and says no where it is one too many.
func (v *visitors) enter(visitor netip.Addr) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open[visitor] < v.most {
		v.open[visitor]++
		return true
	}
	if now := time.Now(); now.Sub(v.warned) >= 10*time.Second { // who comes again and again fills no log
		v.warned = now
		v.log.Warn("connections closed: one visitor has too many", "visitor", visitor, "most", v.most)
	}
	return false
}

func (v *visitors) leave(visitor netip.Addr) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open[visitor]--; v.open[visitor] == 0 {
		delete(v.open, visitor)
	}
}
