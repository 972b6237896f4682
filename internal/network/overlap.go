package network

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// checkOverlap tells which network of the host, another instance's say, shares addresses with a subnet of ours: packets
// for sites would go there, or the other way round.
func (n *Network) checkOverlap() error {
	links, err := retryDump(netlink.LinkList)
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	routes, err := retryDump(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	})
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	for _, r := range routes {
		name := names[r.LinkIndex]
		if r.Dst == nil || name == n.bridgeName() {
			continue
		}
		if key, other, overlaps := n.overlapping(*r.Dst); overlaps {
			return fmt.Errorf("%s overlaps %s, which leads to %s: choose another network.%s", n.subnet(key), other, name, key)
		}
	}
	return nil
}

// overlapping tells which subnet of ours a route's destination shares addresses with; a default route shares none.
func (n *Network) overlapping(dst net.IPNet) (key string, other netip.Prefix, overlaps bool) {
	addr, ok := netip.AddrFromSlice(dst.IP)
	bits, _ := dst.Mask.Size()
	if !ok || bits == 0 {
		return "", netip.Prefix{}, false
	}
	other = netip.PrefixFrom(addr, bits)
	for _, key := range []string{"subnet4", "subnet6"} {
		if n.subnet(key).Overlaps(other) {
			return key, other, true
		}
	}
	return "", netip.Prefix{}, false
}

func (n *Network) subnet(key string) netip.Prefix {
	if key == "subnet4" {
		return n.subnet4
	}
	return n.subnet6
}
