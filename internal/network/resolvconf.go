package network

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	// resolvedUpstreams is where systemd-resolved writes the nameservers behind its stub, see systemd-resolved.service(8).
	resolvedUpstreams = "/run/systemd/resolve/resolv.conf"

	maxResolvConf  = 64 << 10 // bytes read of a resolv.conf
	maxNameservers = 16
)

// resolver is how sites resolve names: by packets translated to dnat, or by a relay to the address that only the host can
// reach. With neither there is none.
type resolver struct {
	dnat  netip.Addr     // IPv4, not loopback
	relay netip.AddrPort // loopback, or IPv6
}

func (r resolver) String() string {
	switch {
	case r.dnat.IsValid():
		return r.dnat.String()
	case r.relay.IsValid():
		return "relay to " + r.relay.String()
	}
	return "none"
}

// resolvConf is the host's resolv.conf(5) and the file that systemd-resolved keeps beside it.
type resolvConf struct{ path, resolvedPath string }

// stamp changes when one of the files does.
func (c resolvConf) stamp() [2]fileStamp {
	return [2]fileStamp{stampOf(c.path), stampOf(c.resolvedPath)}
}

type fileStamp struct {
	modified time.Time
	size     int64
}

func stampOf(path string) fileStamp {
	f, err := os.Stat(path) // of the file behind a symbolic link: resolv.conf often is one
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{f.ModTime(), f.Size()}
}

// read chooses the resolver. A missing file is none.
func (c resolvConf) read() (resolver, error) {
	servers, err := nameserversOf(c.path)
	if err != nil {
		return resolver{}, err
	}
	for _, s := range servers {
		if s != netip.AddrFrom4([4]byte{127, 0, 0, 53}) {
			continue
		}
		upstreams, err := nameserversOf(c.resolvedPath)
		if err != nil {
			return resolver{}, err
		}
		servers = append(upstreams, servers...) // the stub remains where resolved names no upstream
		break
	}
	return choose(servers), nil
}

// choose takes the first nameserver that packets can be translated to, else the first that the host itself can ask.
func choose(servers []netip.Addr) resolver {
	for _, s := range servers {
		if s.Is4() && !s.IsLoopback() {
			return resolver{dnat: s}
		}
	}
	for _, s := range servers {
		return resolver{relay: netip.AddrPortFrom(s, 53)}
	}
	return resolver{}
}

func nameserversOf(path string) ([]netip.Addr, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxResolvConf))
	if err != nil {
		return nil, err
	}
	return parseNameservers(text), nil
}

// parseNameservers returns the usable addresses of the nameserver lines of a resolv.conf(5). 0.0.0.0 and :: mean this host.
func parseNameservers(text []byte) []netip.Addr {
	var servers []netip.Addr
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() && len(servers) < maxNameservers {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(fields[1])
		if err != nil || addr.IsMulticast() {
			continue
		}
		switch addr = addr.Unmap(); {
		case addr == netip.IPv4Unspecified():
			addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case addr == netip.IPv6Unspecified():
			addr = netip.IPv6Loopback()
		}
		servers = append(servers, addr)
	}
	return servers
}
