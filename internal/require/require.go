// Package require owns the list of what logis needs of a host: kernel, cgroups, tools, accounts, ports, other firewalls.
// It looks, and says what is missing and how to mend it; it changes nothing on the host and knows no site's record.
package require

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/logis-project/logis/internal/linux"
)

// AdminGroup may use the API socket; ProxyUser is whom logis-proxy becomes.
const (
	AdminGroup = "logis"
	ProxyUser  = "logis-proxy"
)

// Status of a requirement.
type Status string

// The three of them. logisd does not start while something it needs is missing; a warning is for reading.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Missing Status = "missing"
)

// Group is the part of the host that a requirement is about.
type Group string

// In the order that doctor shows them.
const (
	Host    Group = "host"    // kernel, cgroups, programs, accounts
	Network Group = "network" // rules, subnets, ports, names
	Disk    Group = "disk"    // file systems, pool, free space
	Sites   Group = "sites"   // what all sites need
)

// Check is one requirement: what was looked at, what was found, and, unless it is OK, what to do.
type Check struct {
	Group  Group
	What   string
	Status Status
	Found  string
	Mend   string
	Key    string // of logis.toml, where that could be changed instead
}

// String is the line that says what is wrong.
func (c Check) String() string { return fmt.Sprintf("%s: %s: %s", c.What, c.Found, c.Mend) }

// Options say what this host is to be used for.
type Options struct {
	Bridge   string       // name of the instance's bridge
	Instance string       // of the nftables tables that are ours
	Subnet4  netip.Prefix // of the sites
	Subnet6  netip.Prefix
	StateDir string    // whose file system is looked at
	Pool     string    // directory of images and sites
	LoopFile string    // of the pool; "" where it is a directory
	PoolSize int64     // that the loop file is meant to have, in bytes
	Proxy    []string  // addresses that the proxy listens on, "host:port"
	SSHPorts [2]uint16 // first and last port of the host that sites are given
	Ports    []Port    // of the host that lead to sites
	IDs      IDs       // of the host that sites are given
	Sited    bool      // there are records of sites
	SiteIDs  []IDs     // what sites have, where it is known

	root root // of the host's files: for tests
}

// Port of the host that is redirected to a site.
type Port struct {
	Number uint16
	Site   string
}

// Needed is what logisd cannot do without, checked in a few milliseconds.
func Needed(o Options) []Check {
	return slices.Concat(
		of(Host, kernel(), privileges(), calls(), namespaces(o.root), seccomp(o.root)),
		of(Host, controlGroups()...),
		of(Network, links(), ipv6(o.root), forwarding(o.root), nft(o.root)),
		of(Network, subnets(o)...),
		of(Disk, fileSystem("overlay", o.root), fileSystem("btrfs", o.root), loop(o.root, o.LoopFile), mkfs(o.root, o.LoopFile)),
		of(Sites, ids(o)),
	)
}

// All is Needed and what else makes sites reachable, or images possible to build.
func All(o Options) []Check {
	checks := slices.Concat(
		Needed(o),
		of(Host, swap(o.root), swapLimits(), clock(), view(o.root), landlock(), openFiles(), kernelLog(o.root)),
		of(Host, accounts(o.root)...),
		of(Network, shaping(), firewalls(o.Instance, o.Bridge), localPorts(o.root, o.SSHPorts)),
		of(Disk, ioBandwidth(o.Pool), ioWeight(o.Pool), builder(o.root), space("state directory", o.StateDir), growth(o.LoopFile, o.PoolSize)),
	)
	listeners, err := linux.Listeners()
	if err != nil {
		return append(checks, of(Network, failed("ports", err))...)
	}
	return append(checks, of(Network, proxyPorts(o.Proxy, listeners), sitePorts(o.Ports, o.SSHPorts, listeners))...)
}

func of(g Group, checks ...Check) []Check {
	for i := range checks {
		checks[i].Group = g
	}
	return checks
}

// Unmet are requirements that are not met, one at least.
type Unmet []Check

// Error is all of it in one line.
func (u Unmet) Error() string {
	lines := make([]string, 0, len(u))
	for _, c := range u {
		lines = append(lines, c.String())
	}
	return "this host lacks what logis needs: " + strings.Join(lines, "; ")
}

// Error is an Unmet of the requirements that are missing; nil when none is.
func Error(checks []Check) error {
	var unmet Unmet
	for _, c := range checks {
		if c.Status == Missing {
			unmet = append(unmet, c)
		}
	}
	if unmet == nil {
		return nil
	}
	return unmet
}

func ok(what, found string) Check { return Check{What: what, Status: OK, Found: found} }

func warning(what, found, mend string) Check {
	return Check{What: what, Status: Warning, Found: found, Mend: mend}
}

func missing(what, found, mend string) Check {
	return Check{What: what, Status: Missing, Found: found, Mend: mend}
}

// failed is a check that could not be made.
func failed(what string, err error) Check {
	return warning(what, "cannot tell: "+err.Error(), "look at it by hand")
}
