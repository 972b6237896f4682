package network

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/logis-project/logis/internal/linux"
)

// HostAddresses are the addresses of this host, but those of its loopback; link-local ones as a site writes them.
func (n *Network) HostAddresses() ([]string, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses of the host: %w", err)
	}
	var all []string
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || prefix.Addr().IsLoopback() {
			continue
		}
		addr := prefix.Addr()
		if addr.Is6() && addr.IsLinkLocalUnicast() {
			addr = addr.WithZone("eth0")
		}
		all = append(all, addr.String())
	}
	return all, nil
}

// ClosedPorts are the TCP ports that something of this host listens on and that sites must not reach: all but that for names
// and those of the proxy.
func (n *Network) ClosedPorts() ([]int, error) {
	listeners, err := linux.Listeners()
	if err != nil {
		return nil, fmt.Errorf("list listening ports: %w", err)
	}
	var all []int
	for _, l := range listeners {
		if port := l.Addr.Port(); port != 53 && !slices.Contains(n.proxyPorts, port) {
			all = append(all, int(port))
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// ProxyPort is a port of the proxy's; 0 where it has none.
func (n *Network) ProxyPort() int {
	if len(n.proxyPorts) == 0 {
		return 0
	}
	return int(n.proxyPorts[0])
}
