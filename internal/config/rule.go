package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/logis-project/logis/internal/linux"
	"github.com/logis-project/logis/internal/quantity"
)

// rule says what a key takes: in words, which complete an error about it, and as a test.
type rule struct {
	key     string
	allowed string
	wrong   func(Config) string // what is wrong with it; "" is nothing, nil where the type says all
	with    []string            // keys that it is compared with
}

// blamed is the key that an error of the rule names: one that the file sets.
func (r rule) blamed(s Source) string {
	for _, key := range append([]string{r.key}, r.with...) {
		if s.lines[key] > 0 {
			return key
		}
	}
	return r.key
}

// The ids of the host's accounts, of systemd's dynamic users and of nobody are below lowestID, systemd.users(5). Above
// highestID there is no room for 16 sites before the id that is none.
const (
	lowestID  = 1 << 17
	highestID = 1<<32 - 1 - 17*65536
)

// longestRunDir leaves room for the longest path of a socket below it: a site's, with a name of 31 (unix(7)).
const longestRunDir = linux.MaxSocketPath - len("/sites/") - 31 - len("/control.sock")

// longestBase leaves room for a name of 31 and a dot in the 253 characters of a domain.
const longestBase = 253 - 32

var (
	instanceName = regexp.MustCompile(`^[a-z][a-z0-9]{0,7}$`)
	imageName    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`)
	siteName     = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,29}[a-z0-9])?$`)
	domainName   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)
)

// rules are one or more for each key, in the order of the file.
func rules() []rule {
	text := func(key, allowed string, value func(Config) string, good func(string) bool) rule {
		return rule{key: key, allowed: allowed, wrong: func(c Config) string {
			if v := value(c); !good(v) {
				return fmt.Sprintf("%q is not allowed", v)
			}
			return ""
		}}
	}
	directory := func(path string) bool { return filepath.IsAbs(path) && filepath.Clean(path) != "/" }
	host := func(name string) bool {
		_, err := netip.ParseAddr(name)
		return err == nil || domainName.MatchString(strings.ToLower(name))
	}
	first := []rule{
		text("instance", "1 to 8 of a-z and 0-9, a letter first", func(c Config) string { return c.Instance }, instanceName.MatchString),
		text("state_dir", `a directory by its whole path, such as "/var/lib/logis"`, func(c Config) string { return c.StateDir }, directory),
		text("run_dir", fmt.Sprintf(`a directory by its whole path of at most %d bytes, another than state_dir, such as "/run/logis"`, longestRunDir),
			func(c Config) string { return c.RunDir }, func(path string) bool { return directory(path) && len(path) <= longestRunDir }),
		{key: "run_dir", with: []string{"state_dir"}, wrong: func(c Config) string {
			if filepath.Clean(c.RunDir) == filepath.Clean(c.StateDir) {
				return fmt.Sprintf("run_dir and state_dir both are %s", c.RunDir)
			}
			return ""
		}},
		text("base_domain", fmt.Sprintf(`a domain in lower case of at most %d characters, such as "example.org"`, longestBase),
			func(c Config) string { return c.BaseDomain },
			func(name string) bool { return len(name) <= longestBase && domainName.MatchString(name) }),
		text("public_host", `a host name or an address; "" is this machine's own name`, func(c Config) string { return c.PublicHost },
			func(name string) bool { return name == "" || host(name) }),
		number("first_id", float64(lowestID), float64(highestID), ", above the ids of the host's own accounts",
			func(c Config) float64 { return float64(c.FirstID) }),
		text("pool.path", `a directory on a btrfs by its whole path; "" is a loop file in state_dir`, func(c Config) string { return c.Pool.Path },
			func(path string) bool { return path == "" || filepath.IsAbs(path) }),
		size("pool.size", 1<<30, quantity.Max, func(c Config) Bytes { return c.Pool.Size }),
	}
	return slices.Concat(first, networkRules(), metricsRules(), defaultRules())
}

func networkRules() []rule {
	return []rule{
		{key: "network.subnet4", allowed: `a private IPv4 subnet from /8 to /29, such as "10.83.0.0/16"`, wrong: func(c Config) string {
			p := c.Network.Subnet4
			return wrongSubnet(p, p.Addr().Is4() && p.Bits() >= 8 && p.Bits() <= 29)
		}},
		{key: "network.subnet6", allowed: `a private IPv6 subnet from /16 to /112, such as "fd83:6c6f:6769::/64"`, wrong: func(c Config) string {
			p := c.Network.Subnet6
			return wrongSubnet(p, p.Addr().Is6() && !p.Addr().Is4In6() && p.Bits() >= 16 && p.Bits() <= 112)
		}},
		{
			key: "network.links", allowed: `groups of two sites or more by their names, such as [["alice", "bob"]]`,
			wrong: func(c Config) string { return wrongLinks(c.Network.Links) },
		},
		{key: "network.smtp", allowed: "true or false, without quotes"},
		{
			key: "ssh.ports", allowed: `ports FIRST-LAST that nothing else of this host has, such as "22001-32000"`, wrong: wrongPorts,
			with: []string{"proxy.http", "proxy.https"},
		},
		{key: "proxy.http", allowed: allowedAddresses, wrong: func(c Config) string { return wrongAddresses(c.Proxy.HTTP) }},
		{key: "proxy.https", allowed: allowedAddresses, wrong: func(c Config) string { return wrongAddresses(c.Proxy.HTTPS) }},
		{key: "proxy.https", with: []string{"proxy.http"}, wrong: func(c Config) string {
			for _, a := range c.Proxy.HTTP {
				if slices.Contains(c.Proxy.HTTPS, a) {
					return fmt.Sprintf("%q is in http and in https", a)
				}
			}
			return ""
		}},
		{key: "tls.mode", allowed: `"off", the only mode of this release`, wrong: func(c Config) string {
			if c.TLS.Mode != "off" {
				return fmt.Sprintf("%q is not served by this release", c.TLS.Mode)
			}
			return ""
		}},
		{key: "tls.email", allowed: `an address for mail; "" is none`},
		{key: "tls.directory", allowed: `the URL of an ACME directory; "" is the library's default`},
		{key: "tls.ca_root", allowed: `the path of a certificate; "" is none`},
	}
}

// wrongSubnet refuses what routers and the host itself take for something else.
func wrongSubnet(p netip.Prefix, fits bool) string {
	if !p.IsValid() {
		return `"" is not allowed`
	}
	if a := p.Addr(); !fits || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
		return fmt.Sprintf("%q is not allowed", p)
	}
	return ""
}

func wrongLinks(groups [][]string) string {
	for _, group := range groups {
		seen := map[string]bool{}
		for _, name := range group {
			if !siteName.MatchString(name) {
				return fmt.Sprintf("%q is not a site's name", name)
			}
			if seen[name] {
				return name + " is twice in one group"
			}
			seen[name] = true
		}
		if len(group) < 2 {
			return fmt.Sprintf("%q is not a group of two sites or more", group)
		}
	}
	return ""
}

const allowedAddresses = `a list of ports to listen on, or of addresses with a port: [":80"], ["192.0.2.1:8080", "[2001:db8::1]:80"]`

func wrongAddresses(all []string) string {
	for _, a := range all {
		_, port, err := net.SplitHostPort(a)
		if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
			return fmt.Sprintf("%q is not allowed", a)
		}
	}
	return ""
}

// wrongPorts finds a port of the proxy among those of sites, which would take its visitors.
func wrongPorts(c Config) string {
	for _, port := range c.ProxyPorts() {
		if port >= c.SSH.Ports.First && port <= c.SSH.Ports.Last {
			return fmt.Sprintf("%d-%d of sites has port %d of the proxy", c.SSH.Ports.First, c.SSH.Ports.Last, port)
		}
	}
	return ""
}
