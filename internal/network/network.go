// Package network connects sites: the bridge, a veth pair and the addresses of each site, and the nftables rules that
// isolate sites, translate what leaves the host, redirect host ports to each site's ssh and lead to a resolver.
//
// Everything it makes carries the instance's name: bridge "<instance>0", host ends "<instance>-<index>", tables
// "inet <instance>" and "bridge <instance>". It must not touch any other link, table or rule of the host; of the host's
// sysctls it only turns forwarding on. It knows nothing of containers: it is given a network namespace.
package network

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// ErrFull is returned by Attach when the bridge holds its 1,023 ports (BR_MAX_PORTS of the kernel).
var ErrFull = errors.New("bridge is full")

// maxIndex keeps an index inside three bytes of the MAC and "<instance>-<index>" inside the 15 bytes of a link's name.
const maxIndex = 999_999

var instanceName = regexp.MustCompile(`^[a-z][a-z0-9]{0,7}$`)

// Options of New.
type Options struct {
	Instance   string       // 1 to 8 of a-z and 0-9, a letter first
	Subnet4    netip.Prefix // IPv4, /30 or larger
	Subnet6    netip.Prefix // IPv6, /126 or larger
	ProxyPorts []uint16     // TCP ports of the host's proxy, which sites may reach
	ResolvConf string       // the host's resolv.conf(5); "" is /etc/resolv.conf
	Links      [][]string   // groups of sites, by name, that may reach each other; of names that no site has, nothing
	SMTP       bool         // sites may open connections to TCP port 25 outside
	Log        *slog.Logger // nil logs nowhere
}

// Port is one site's place on the network. The names of its links and its MAC derive from the instance and Index.
type Port struct {
	Name    string     // what Links calls it; "" is linked with nobody
	Index   int        // 0 to 999,999
	Addr4   netip.Addr // inside Subnet4, not the gateway
	Addr6   netip.Addr // inside Subnet6, not the gateway
	SSHPort uint16     // of the host; 0 for none
}

// Network is the network of one instance. Its methods may be called at the same time.
type Network struct {
	instance   string
	subnet4    netip.Prefix
	subnet6    netip.Prefix
	proxyPorts []uint16
	log        *slog.Logger
	resolvConf resolvConf
	links      [][]string
	smtp       bool
	bounds     bounds
	sets       sets

	mu        sync.Mutex // guards the fields below, and the ruleset: one change to it at a time
	resolver  resolver   // as the ruleset has it
	ports     map[int]Port
	redirects map[int]Port // by index too
	rules     []string     // of the ruleset as it was loaded: see ruleNames
}

// New checks the options; it changes nothing on the host.
func New(o Options) (*Network, error) {
	switch {
	case !instanceName.MatchString(o.Instance):
		return nil, fmt.Errorf("instance %q is not 1 to 8 of a-z and 0-9, a letter first", o.Instance)
	case !o.Subnet4.Addr().Is4() || o.Subnet4.Bits() > 30:
		return nil, fmt.Errorf("%s is not an IPv4 subnet of /30 or larger", o.Subnet4)
	case !o.Subnet6.Addr().Is6() || o.Subnet6.Addr().Is4In6() || o.Subnet6.Bits() > 126:
		return nil, fmt.Errorf("%s is not an IPv6 subnet of /126 or larger", o.Subnet6)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ResolvConf == "" {
		o.ResolvConf = "/etc/resolv.conf"
	}
	return &Network{
		instance:   o.Instance,
		subnet4:    o.Subnet4.Masked(),
		subnet6:    o.Subnet6.Masked(),
		proxyPorts: o.ProxyPorts,
		log:        o.Log,
		resolvConf: resolvConf{path: o.ResolvConf, resolvedPath: resolvedUpstreams},
		links:      o.Links,
		smtp:       o.SMTP,
		bounds:     defaultBounds(),
		sets:       newSets(o.Instance, len(o.Links)),
		ports:      map[int]Port{},
		redirects:  map[int]Port{},
	}, nil
}

// Gateway4 returns the bridge's IPv4 address, the first host address of the subnet: a site's default gateway and resolver.
func (n *Network) Gateway4() netip.Addr { return n.subnet4.Addr().Next() }

// Gateway6 returns the bridge's IPv6 address, the first after the subnet's own (which is the subnet-router anycast address).
func (n *Network) Gateway6() netip.Addr { return n.subnet6.Addr().Next() }

func (n *Network) bridgeName() string { return n.instance + "0" }

func (n *Network) vethName(index int) string { return n.instance + "-" + strconv.Itoa(index) }

// vethIndex is the inverse of vethName.
func (n *Network) vethIndex(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, n.instance+"-")
	if !ok {
		return 0, false
	}
	index, err := strconv.Atoi(digits)
	return index, err == nil && index >= 0 && name == n.vethName(index)
}

// mac returns the locally administered address of a site's eth0: 02, two bytes of the instance, three of the index.
func (n *Network) mac(index int) net.HardwareAddr {
	h := fnv.New32a()
	h.Write([]byte(n.instance))
	sum := h.Sum32()
	return net.HardwareAddr{2, byte(sum >> 8), byte(sum), byte(index >> 16), byte(index >> 8), byte(index)}
}

// bridgeMAC is fixed because a bridge otherwise takes the lowest MAC of its ports and changes it with them.
func (n *Network) bridgeMAC() net.HardwareAddr { return n.mac(0xffffff) }

// check refuses a port that the rules would not hold for.
func (n *Network) check(p Port) error {
	switch {
	case p.Index < 0 || p.Index > maxIndex:
		return fmt.Errorf("site index %d is not within 0 to %d", p.Index, maxIndex)
	case !p.Addr4.Is4() || !n.subnet4.Contains(p.Addr4) || p.Addr4 == n.Gateway4() || p.Addr4 == n.subnet4.Addr():
		return fmt.Errorf("%s is not an address for a site in %s", p.Addr4, n.subnet4)
	case !p.Addr6.Is6() || !n.subnet6.Contains(p.Addr6) || p.Addr6 == n.Gateway6() || p.Addr6 == n.subnet6.Addr():
		return fmt.Errorf("%s is not an address for a site in %s", p.Addr6, n.subnet6)
	}
	return nil
}

// Alive returns once it has had the lock that the methods share: never, where a holder hangs.
func (n *Network) Alive() {
	n.mu.Lock()
	defer n.mu.Unlock()
}
