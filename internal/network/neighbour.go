package network

import (
	"errors"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The bridge knows its sites by permanent neighbour entries. So the host asks no question that a thousand ports would
// hear, and its neighbour tables (1,024 entries by default, permanent ones not counted) do not overflow.

func neighbour(bridge netlink.Link, addr netip.Addr, mac net.HardwareAddr) *netlink.Neigh {
	family := netlink.FAMILY_V4
	if addr.Is6() {
		family = netlink.FAMILY_V6
	}
	return &netlink.Neigh{
		LinkIndex: bridge.Attrs().Index, Family: family, State: netlink.NUD_PERMANENT,
		IP: addr.AsSlice(), HardwareAddr: mac,
	}
}

// ensureNeighbours sets the entries of ports and removes those of others.
func (n *Network) ensureNeighbours(bridge netlink.Link, ports []Port) error {
	want := map[string]*netlink.Neigh{}
	for _, p := range ports {
		for _, addr := range []netip.Addr{p.Addr4, p.Addr6} {
			want[addr.String()] = neighbour(bridge, addr, n.mac(p.Index))
		}
	}
	have, err := neighbours(bridge)
	if err != nil {
		return err
	}
	for _, e := range have {
		if w := want[e.IP.String()]; w != nil && w.HardwareAddr.String() == e.HardwareAddr.String() {
			delete(want, e.IP.String())
		} else if w == nil {
			if err := netlink.NeighDel(&e); err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
	}
	for _, w := range want {
		if err := netlink.NeighSet(w); err != nil {
			return err
		}
	}
	return nil
}

// neighbours lists the permanent entries that are neighbours, not groups of multicast.
func neighbours(bridge netlink.Link) ([]netlink.Neigh, error) {
	var permanent []netlink.Neigh
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		all, err := retryDump(func() ([]netlink.Neigh, error) { return netlink.NeighList(bridge.Attrs().Index, family) })
		if err != nil {
			return nil, err
		}
		for _, e := range all {
			if e.State&netlink.NUD_PERMANENT != 0 {
				permanent = append(permanent, e)
			}
		}
	}
	return permanent, nil
}

// knownAddresses completes a port without addresses from the neighbour entries of its MAC.
func (n *Network) knownAddresses(p Port) (Port, error) {
	if p.Addr4.IsValid() && p.Addr6.IsValid() {
		return p, nil
	}
	bridge, err := netlink.LinkByName(n.bridgeName())
	if isNotFound(err) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	have, err := neighbours(bridge)
	for _, e := range have {
		if addr, ok := netip.AddrFromSlice(e.IP); ok && e.HardwareAddr.String() == n.mac(p.Index).String() {
			if addr = addr.Unmap(); addr.Is4() {
				p.Addr4 = addr
			} else {
				p.Addr6 = addr
			}
		}
	}
	return p, err
}

// deleteNeighbours removes the entries of a site's addresses.
func (n *Network) deleteNeighbours(p Port) error {
	bridge, err := netlink.LinkByName(n.bridgeName())
	if isNotFound(err) {
		return nil // and with it its entries
	}
	if err != nil {
		return err
	}
	for _, addr := range []netip.Addr{p.Addr4, p.Addr6} {
		if !addr.IsValid() {
			continue
		}
		err := netlink.NeighDel(neighbour(bridge, addr, n.mac(p.Index)))
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// retryDump repeats a listing that the kernel interrupted because what it lists was changing.
func retryDump[T any](list func() ([]T, error)) (got []T, err error) {
	for range 10 {
		if got, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return got, err
		}
	}
	return got, err
}
