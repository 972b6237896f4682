package network

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Element is one entry that the host holds for a site beside its link: of a set or map of the ruleset, of the bridge's
// neighbours, or of its table of MACs. Elements can be compared.
type Element struct {
	Key   Key
	Value string // of a map: the kernel's bytes; else ""
}

// Key is what the kernel tells elements of one kind apart by.
type Key struct {
	Kind string // the set's or map's name, neighbour or fdb
	Raw  string // the kernel's bytes; of the last two, text
}

// The kinds of elements that are in no set or map.
const (
	neighbourKind = "neighbour"
	fdbKind       = "fdb"
)

// String is for reading: "mac logis-3 02:1c:…", "redirect 22001 to 10.83.0.5:22".
func (e Element) String() string {
	raw := []byte(e.Key.Raw)
	switch kind := e.Key.Kind; {
	case kind == neighbourKind, kind == fdbKind:
		return strings.TrimSpace(kind + " entry " + e.Key.Raw + " " + e.Value)
	case (kind == "ssh4" || kind == "ssh6") && len(raw) >= 2:
		value := []byte(e.Value)
		if addr, ok := netip.AddrFromSlice(value[:max(0, len(value)-4)]); ok {
			to := netip.AddrPortFrom(addr, binary.BigEndian.Uint16(value[len(value)-4:]))
			return fmt.Sprintf("redirect %d to %s", binary.BigEndian.Uint16(raw), to)
		}
		return fmt.Sprintf("redirect %d", binary.BigEndian.Uint16(raw))
	case len(raw) > ifNameLen:
		link, rest := unix.ByteSliceToString(raw[:ifNameLen]), raw[ifNameLen:]
		if kind == "mac" || kind == "option6" {
			return fmt.Sprintf("element of set %s: %s %s", kind, link, net.HardwareAddr(rest[:min(6, len(rest))]))
		}
		addr, _ := netip.AddrFromSlice(rest)
		return fmt.Sprintf("element of set %s: %s %s", kind, link, addr)
	default:
		if addr, ok := netip.AddrFromSlice(raw); ok && isGroup(kind) {
			return fmt.Sprintf("element of set %s: %s", kind, addr)
		}
		return fmt.Sprintf("element of %s: %x", kind, raw)
	}
}

// ElementsOf returns what a site that is attached and redirected has.
func (n *Network) ElementsOf(p Port) []Element {
	all := []Element{{Key{fdbKind, n.mac(p.Index).String() + " " + n.vethName(p.Index)}, ""}}
	for _, addr := range []netip.Addr{p.Addr4, p.Addr6} {
		all = append(all, Element{Key{neighbourKind, addr.String()}, n.mac(p.Index).String()})
	}
	raw := n.portElements(p)
	if p.SSHPort != 0 {
		raw = append(raw, n.redirectElements(p)...)
	}
	for _, e := range raw {
		all = append(all, Element{Key{e.set.Name, string(e.key)}, string(e.val)})
	}
	return all
}

// Elements lists those that the host holds, in no order. Where the tables are gone, none of theirs.
func (n *Network) Elements(ctx context.Context) ([]Element, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all, err := n.setElements()
	if err != nil {
		return nil, fmt.Errorf("list elements of nftables sets: %w", err)
	}
	bridge, err := netlink.LinkByName(n.bridgeName())
	if isNotFound(err) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find bridge %s: %w", n.bridgeName(), err)
	}
	entries, err := neighbours(bridge)
	if err != nil {
		return nil, fmt.Errorf("list neighbours: %w", err)
	}
	for _, e := range entries {
		if addr, ok := netip.AddrFromSlice(e.IP); ok && !addr.Unmap().IsMulticast() && !addr.Unmap().IsLinkLocalUnicast() {
			all = append(all, Element{Key{neighbourKind, addr.Unmap().String()}, e.HardwareAddr.String()})
		}
	}
	fdb, err := n.fdb(bridge)
	return append(all, fdb...), err
}

// setElements are those of the sets and maps that sites have elements in.
func (n *Network) setElements() ([]Element, error) {
	if there, err := n.HasTables(); err != nil || !there {
		return nil, err
	}
	c, err := dialNFT()
	if err != nil {
		return nil, err
	}
	var all []Element
	for _, set := range n.siteSets() {
		elements, err := c.GetSetElements(set)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.Name, err)
		}
		for _, e := range elements {
			all = append(all, Element{Key{set.Name, string(e.Key)}, string(e.Val)})
		}
	}
	return all, nil
}

func (n *Network) siteSets() []*nftables.Set {
	s := n.sets
	all := []*nftables.Set{s.ssh4, s.ssh6, s.mac, s.addr4, s.addr6, s.target6, s.option6}
	for _, g := range s.groups {
		all = append(all, g.addr4, g.addr6)
	}
	return all
}

// fdb lists the MACs that were entered at the ports of the bridge.
func (n *Network) fdb(bridge netlink.Link) ([]Element, error) {
	links, err := retryDump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		if _, ours := n.vethIndex(l.Attrs().Name); ours && l.Attrs().MasterIndex == bridge.Attrs().Index {
			names[l.Attrs().Index] = l.Attrs().Name
		}
	}
	entries, err := retryDump(func() ([]netlink.Neigh, error) { return netlink.NeighList(0, unix.AF_BRIDGE) })
	if err != nil {
		return nil, fmt.Errorf("list MACs of bridge: %w", err)
	}
	var all []Element
	for _, e := range entries {
		name, ours := names[e.LinkIndex]
		if ours && e.Flags&netlink.NTF_SELF == 0 && e.State&netlink.NUD_NOARP != 0 && e.Vlan == 0 {
			all = append(all, Element{Key{fdbKind, e.HardwareAddr.String() + " " + name}, ""})
		}
	}
	return all, nil
}

// RemoveElements takes elements away by their keys; those that are gone are no error.
func (n *Network) RemoveElements(ctx context.Context, elements ...Element) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sets := map[string]*nftables.Set{}
	for _, s := range n.siteSets() {
		sets[s.Name] = s
	}
	var errs []error
	for _, e := range elements {
		var err error
		switch set := sets[e.Key.Kind]; {
		case set != nil:
			err = n.remove(element{set: set, key: []byte(e.Key.Raw)})
		case e.Key.Kind == neighbourKind:
			err = n.removeNeighbour(e)
		case e.Key.Kind == fdbKind:
			err = removeFDB(e)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remove %s: %w", e, err))
		}
	}
	return errors.Join(errs...)
}

func (n *Network) removeNeighbour(e Element) error {
	bridge, err := netlink.LinkByName(n.bridgeName())
	if isNotFound(err) {
		return nil
	}
	addr, parseErr := netip.ParseAddr(e.Key.Raw)
	mac, macErr := net.ParseMAC(e.Value)
	if err := errors.Join(err, parseErr, macErr); err != nil {
		return err
	}
	return goneIsFine(netlink.NeighDel(neighbour(bridge, addr, mac)))
}

func removeFDB(e Element) error {
	var text, name string
	if _, err := fmt.Sscan(e.Key.Raw, &text, &name); err != nil {
		return fmt.Errorf("read entry %q: %w", e.Key.Raw, err)
	}
	link, err := netlink.LinkByName(name)
	if isNotFound(err) {
		return nil
	}
	mac, macErr := net.ParseMAC(text)
	if err := errors.Join(err, macErr); err != nil {
		return err
	}
	return goneIsFine(netlink.NeighDel(&netlink.Neigh{
		LinkIndex: link.Attrs().Index, Family: unix.AF_BRIDGE, Flags: netlink.NTF_MASTER, HardwareAddr: mac,
	}))
}

func goneIsFine(err error) error {
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// VethName is what the host's end of a site's cable is called.
func (n *Network) VethName(index int) string { return n.vethName(index) }

// Bridge is the name of the instance's bridge.
func (n *Network) Bridge() string { return n.bridgeName() }
