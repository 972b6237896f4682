// Package require owns the list of what logis needs of a host: kernel, cgroups, tools, accounts, ports, other firewalls.
// It looks, and says what is missing and how to mend it; it changes nothing on the host and knows no site's record.
package require

import (
	"fmt"
	"net/netip"
	"strings"
)

// Group may use the API socket; ProxyUser is whom logis-proxy becomes.
const (
	Group     = "logis"
	ProxyUser = "logis-proxy"
)

// Status of a requirement.
type Status string

// The three of them. logisd does not start while something it needs is missing; a warning is for reading.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Missing Status = "missing"
)

// Check is one requirement: what was looked at, what was found, and, unless it is OK, what to do.
type Check struct {
	What   string
	Status Status
	Found  string
	Mend   string
}

// Options say what this host is to be used for.
type Options struct {
	Bridge   string   // name of the instance's bridge
	Instance string   // of the nftables tables that are ours
	StateDir string   // whose file system is looked at
	Pool     string   // directory of images and sites
	LoopFile string   // of the pool; "" where it is a directory
	Proxy    []string // addresses that the proxy listens on, "host:port"
	Ports    []Port   // of the host that lead to sites
	IDs      IDs      // of the host that sites are given
	Sited    bool     // there are records of sites
	SiteIDs  []IDs    // what sites have, where it is known
}

// Port of the host that is redirected to a site.
type Port struct {
	Number uint16
	Site   string
}

// Needed is what logisd cannot do without, checked in a few milliseconds.
func Needed(o Options) []Check {
	checks := []Check{kernel(), calls(), userNamespaces(), fileSystem("overlay"), fileSystem("btrfs"), links()}
	checks = append(checks, controlGroups()...)
	return append(checks, ids(o), nft(), mkfs(o.LoopFile))
}

// All is Needed and what else makes sites reachable, or images possible to build.
func All(o Options) []Check {
	checks := append(Needed(o), swap(), ioBandwidth(o.Pool), ioWeight(o.Pool), shaping(), view(), landlock(), builder())
	checks = append(checks, accounts()...)
	checks = append(checks, space("state directory", o.StateDir))
	listeners, err := listening()
	if err != nil {
		checks = append(checks, failed("ports", err))
	} else {
		checks = append(checks, proxyPorts(o.Proxy, listeners), sitePorts(o.Ports, listeners))
	}
	return append(checks, firewalls(o.Instance, o.Bridge))
}

// Error is the requirements that are missing, as logisd says it when it does not start; nil when none is.
func Error(checks []Check) error {
	var missing []string
	for _, c := range checks {
		if c.Status == Missing {
			missing = append(missing, fmt.Sprintf("%s: %s: %s", c.What, c.Found, c.Mend))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("this host lacks what logis needs: %s", strings.Join(missing, "; "))
}

func ok(what, found string) Check { return Check{What: what, Status: OK, Found: found} }

func warning(what, found, mend string) Check { return Check{what, Warning, found, mend} }

func missing(what, found, mend string) Check { return Check{what, Missing, found, mend} }

// failed is a check that could not be made.
func failed(what string, err error) Check {
	return warning(what, "cannot tell: "+err.Error(), "look at it by hand")
}

// listener is a TCP socket of the host that accepts connections.
type listener struct {
	addr  netip.AddrPort
	inode string
}
