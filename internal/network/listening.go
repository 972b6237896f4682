package network

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
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
// and those of the proxy. /proc/net/tcp: proc(5).
func (n *Network) ClosedPorts() ([]int, error) {
	var all []int
	for _, file := range []string{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"} {
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // no IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("list listening ports: %w", err)
		}
		for line := range bytes.Lines(data) {
			const listen = "0A"
			f := bytes.Fields(line)
			if len(f) < 4 || string(f[3]) != listen {
				continue
			}
			port, err := strconv.ParseUint(string(f[1][bytes.LastIndexByte(f[1], ':')+1:]), 16, 16)
			if err == nil && port != 53 && !slices.Contains(n.proxyPorts, uint16(port)) {
				all = append(all, int(port))
			}
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
