package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Metrics says who may read what the daemon and the sites do, as Prometheus reads it.
type Metrics struct {
	Listen string `toml:"listen"` // "address:port" beside the socket; "" is none
	Group  string `toml:"group"`  // that may read the socket; "" is the group of the API's
}

// MetricsSocket is the path of the socket on which metrics are read.
func (c Config) MetricsSocket() string { return filepath.Join(c.RunDir, "metrics.sock") }

// Public reports whether other machines may reach Listen.
func (m Metrics) Public() bool {
	host, _, err := net.SplitHostPort(m.Listen)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err != nil || !addr.Unmap().IsLoopback()
}

var groupName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// metricsRules look at the form. An address and not a name: what a name means may change, and with it who can read.
func metricsRules() []rule {
	return []rule{
		{key: "metrics.listen", allowed: `an address and a port, such as "127.0.0.1:9783" or "[::1]:9783"; "" is none`, wrong: func(c Config) string {
			host, port, err := net.SplitHostPort(c.Metrics.Listen)
			n, portErr := strconv.ParseUint(port, 10, 16)
			_, addrErr := netip.ParseAddr(host)
			if c.Metrics.Listen != "" && (err != nil || portErr != nil || n == 0 || host != "" && addrErr != nil) {
				return fmt.Sprintf("%q is not allowed", c.Metrics.Listen)
			}
			return ""
		}},
		{
			key: "metrics.listen", allowed: `a port that is neither a site's nor the proxy's, such as that of "127.0.0.1:9783"`, with: []string{"ssh.ports"},
			wrong: func(c Config) string {
				_, port, _ := net.SplitHostPort(c.Metrics.Listen)
				n, _ := strconv.ParseUint(port, 10, 16)
				if port := uint16(n); port != 0 && (port >= c.SSH.Ports.First && port <= c.SSH.Ports.Last || slices.Contains(c.ProxyPorts(), port)) {
					return fmt.Sprintf("%q is taken", c.Metrics.Listen)
				}
				return ""
			},
		},
		{key: "metrics.group", allowed: `the name of a group of this host; "" is logis`, wrong: func(c Config) string {
			if c.Metrics.Group != "" && !groupName.MatchString(c.Metrics.Group) {
				return fmt.Sprintf("%q is not allowed", c.Metrics.Group)
			}
			return ""
		}},
	}
}
