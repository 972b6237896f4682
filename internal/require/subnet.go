package require

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// destination is a network that the host has a route to, by a link.
type destination struct {
	to   netip.Prefix
	link string
}

// subnets tell which network of the host, another instance's say, shares addresses with a subnet of the sites: packets for
// them would go there, or the other way round.
func subnets(o Options) []Check {
	all, err := destinations()
	if err != nil {
		return []Check{failed(fmt.Sprintf("IPv%d subnet of sites", 4), err)}
	}
	return []Check{subnet("network.subnet4", o.Subnet4, o.Bridge, all), subnet("network.subnet6", o.Subnet6, o.Bridge, all)}
}

func subnet(key string, own netip.Prefix, bridge string, all []destination) Check {
	family := 4
	if own.Addr().Is6() {
		family = 6
	}
	what := fmt.Sprintf("IPv%d subnet of sites", family)
	for _, d := range all {
		if d.link == bridge || !own.Overlaps(d.to) {
			continue
		}
		c := missing(what, fmt.Sprintf("%s overlaps %s, which leads to %s", own, d.to, d.link), "set "+key+" in logis.toml to another"+free(own, all))
		c.Key = key
		return c
	}
	return ok(what, own.String()+" is no other network's")
}

// free names a subnet of the same size that no route leads into, "" where none comes to mind.
func free(own netip.Prefix, all []destination) string {
	if !own.Addr().Is4() || own.Bits() < 16 {
		return ""
	}
candidates:
	for second := 83; second < 256; second++ {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(second)}), own.Bits())
		if p.Overlaps(own) {
			continue
		}
		for _, d := range all {
			if p.Overlaps(d.to) {
				continue candidates
			}
		}
		return fmt.Sprintf(", such as %q", p)
	}
	return ""
}

// destinations are those of the main routing table, but for default routes.
func destinations() ([]destination, error) {
	links, err := netlink.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list links: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	// A listing that the kernel interrupted, because what it lists was changing, has the routes that stay.
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	var all []destination
	for _, r := range routes {
		if r.Dst == nil {
			continue
		}
		addr, ok := netip.AddrFromSlice(r.Dst.IP)
		bits, _ := r.Dst.Mask.Size()
		if ok && bits > 0 {
			all = append(all, destination{netip.PrefixFrom(addr, bits), names[r.LinkIndex]})
		}
	}
	return all, nil
}
