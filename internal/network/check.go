package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// Check compares what all sites share, bridge, addresses, routes, rules and forwarding, with what it was made as, and
// returns what is not so, a line each. Reload mends all of it.
func (n *Network) Check(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	faults, err := n.checkRules()
	if err != nil {
		return nil, err
	}
	of, err := n.checkBridge()
	if err != nil {
		return nil, err
	}
	faults = append(faults, of...)
	for name, what := range map[string]string{"net/ipv4/ip_forward": "IPv4", "net/ipv6/conf/all/forwarding": "IPv6"} {
		if v, err := linux.ReadSysctl(name); err != nil || v == "0" {
			faults = append(faults, what+" forwarding is off")
		}
	}
	slices.Sort(faults)
	return faults, nil
}

// checkRules compares the ruleset, but for the elements of sites, with what was loaded; n.mu is held.
func (n *Network) checkRules() ([]string, error) {
	there, err := n.HasTables()
	if err != nil {
		return nil, err
	}
	if !there {
		return []string{"the nftables tables of " + n.instance + " are gone"}, nil
	}
	rules, err := n.ruleNames()
	if err != nil {
		return nil, err
	}
	var faults []string
	if !slices.Equal(rules, n.rules) {
		faults = append(faults, "the nftables rules of "+n.instance+" are not those that logisd loaded")
	}
	c, err := dialNFT()
	if err != nil {
		return nil, err
	}
	for _, set := range n.sharedSets() {
		got, err := c.GetSetElements(set.Set)
		if err != nil {
			return nil, fmt.Errorf("list elements of %s: %w", set.Name, err)
		}
		have := make([]Element, 0, len(got))
		for _, e := range got {
			have = append(have, Element{Key{set.Name, string(e.Key)}, string(e.Val)})
		}
		if !sameElements(have, set.want) {
			faults = append(faults, "nftables set "+set.Name+" of "+n.instance+" does not hold what it should")
		}
	}
	return faults, nil
}

func sameElements(a, b []Element) bool {
	seen := map[Element]bool{}
	for _, e := range a {
		seen[e] = true
	}
	for _, e := range b {
		if !seen[e] {
			return false
		}
	}
	return len(a) == len(b)
}

func (n *Network) checkBridge() ([]string, error) {
	bridge, err := netlink.LinkByName(n.bridgeName())
	if isNotFound(err) {
		return []string{"bridge " + n.bridgeName() + " is gone"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find bridge: %w", err)
	}
	var faults []string
	if bridge.Type() != "bridge" || bridge.Attrs().HardwareAddr.String() != n.bridgeMAC().String() {
		faults = append(faults, n.bridgeName()+" is not the bridge that logisd made")
	}
	if bridge.Attrs().RawFlags&unix.IFF_UP == 0 {
		return append(faults, "bridge "+n.bridgeName()+" is down"), nil // and its routes are gone with that
	}
	addrs, err := retryDump(func() ([]netlink.Addr, error) { return netlink.AddrList(bridge, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses of bridge: %w", err)
	}
	for _, own := range n.gateways() {
		if !slices.ContainsFunc(addrs, func(a netlink.Addr) bool { return a.IPNet.String() == own.String() }) {
			faults = append(faults, fmt.Sprintf("bridge %s lacks the address %s", n.bridgeName(), own))
			continue // which brings its route
		}
		there, err := hasRoute(bridge, own.Masked())
		if err != nil {
			return nil, err
		}
		if !there {
			faults = append(faults, fmt.Sprintf("the route to %s through bridge %s is gone", own.Masked(), n.bridgeName()))
		}
	}
	return faults, nil
}

// gateways are the bridge's addresses with their subnets.
func (n *Network) gateways() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(n.Gateway4(), n.subnet4.Bits()), netip.PrefixFrom(n.Gateway6(), n.subnet6.Bits()),
	}
}

func hasRoute(bridge netlink.Link, subnet netip.Prefix) (bool, error) {
	family := netlink.FAMILY_V4
	if subnet.Addr().Is6() {
		family = netlink.FAMILY_V6
	}
	routes, err := retryDump(func() ([]netlink.Route, error) { return netlink.RouteList(bridge, family) })
	if err != nil {
		return false, fmt.Errorf("list routes of bridge: %w", err)
	}
	return slices.ContainsFunc(routes, func(r netlink.Route) bool {
		return r.Dst != nil && r.Dst.String() == subnet.String()
	}), nil
}

// ensureRoutes puts back the routes that the kernel made with the bridge's addresses, where someone took them away: giving
// an address that is there already does not. The bridge is up.
func (n *Network) ensureRoutes(bridge netlink.Link) error {
	for _, own := range n.gateways() {
		there, err := hasRoute(bridge, own.Masked())
		if err != nil {
			return err
		}
		if there {
			continue
		}
		a := address(own)
		if err := netlink.AddrDel(bridge, a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("take address %s: %w", own, err)
		}
		if err := netlink.AddrReplace(bridge, a); err != nil {
			return fmt.Errorf("give address %s: %w", own, err)
		}
	}
	return nil
}
