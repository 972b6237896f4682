package network

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/nftables"
	mdnetlink "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// sshPort is where a site's sshd listens.
const sshPort = 22

// ifNameLen is IFNAMSIZ: how long the kernel's ifname keys are.
const ifNameLen = 16

// sets names the sets and maps of the ruleset whose elements change while logisd runs.
type sets struct {
	inet, bridge               *nftables.Table
	ssh4, ssh6, resolver       *nftables.Set
	mac, addr4, addr6, target6 *nftables.Set
	option6                    *nftables.Set
	groups                     []groupSets // by the index of the group in Options.Links
}

func newSets(instance string, groups int) sets {
	inet := &nftables.Table{Name: instance, Family: nftables.TableFamilyINet}
	bridge := &nftables.Table{Name: instance, Family: nftables.TableFamilyBridge}
	var of []groupSets
	for i := range groups {
		of = append(of, groupSets{
			&nftables.Set{Table: inet, Name: groupName(i) + "_4"},
			&nftables.Set{Table: inet, Name: groupName(i) + "_6"},
		})
	}
	return sets{
		inet:     inet,
		bridge:   bridge,
		ssh4:     &nftables.Set{Table: inet, Name: "ssh4", IsMap: true},
		ssh6:     &nftables.Set{Table: inet, Name: "ssh6", IsMap: true},
		resolver: &nftables.Set{Table: inet, Name: "resolver", IsMap: true},
		mac:      &nftables.Set{Table: bridge, Name: "mac"},
		addr4:    &nftables.Set{Table: bridge, Name: "addr4"},
		addr6:    &nftables.Set{Table: bridge, Name: "addr6"},
		target6:  &nftables.Set{Table: bridge, Name: "target6"},
		option6:  &nftables.Set{Table: bridge, Name: "option6"},
		groups:   of,
	}
}

// element is one entry of a set or map, in the kernel's bytes.
type element struct {
	set      *nftables.Set
	key, val []byte
}

// concat joins the parts of a concatenated key or value: each begins at a multiple of 4 bytes, a register of nftables.
func concat(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
		b = append(b, make([]byte, -len(p)&3)...)
	}
	return b
}

func ifName(name string) []byte { return append([]byte(name), make([]byte, ifNameLen-len(name))...) }

func portNumber(port uint16) []byte { return binary.BigEndian.AppendUint16(nil, port) }

// portElements are what lets a site send at its port, and to the sites it is linked with.
func (n *Network) portElements(p Port) []element {
	link := ifName(n.vethName(p.Index))
	elements := []element{
		{set: n.sets.mac, key: concat(link, n.mac(p.Index))},
		{set: n.sets.option6, key: concat(link, n.mac(p.Index))},
	}
	if p.Addr4.IsValid() { // not so where Detach knows no address
		elements = append(elements, element{set: n.sets.addr4, key: concat(link, p.Addr4.AsSlice())})
	}
	if p.Addr6.IsValid() {
		elements = append(elements,
			element{set: n.sets.addr6, key: concat(link, p.Addr6.AsSlice())},
			element{set: n.sets.target6, key: concat(link, p.Addr6.AsSlice())})
	}
	return append(elements, n.linkElements(p)...)
}

// redirectElements are what leads a port of the host to a site's sshd.
func (n *Network) redirectElements(p Port) []element {
	return []element{
		{set: n.sets.ssh4, key: portNumber(p.SSHPort), val: concat(p.Addr4.AsSlice(), portNumber(sshPort))},
		{set: n.sets.ssh6, key: portNumber(p.SSHPort), val: concat(p.Addr6.AsSlice(), portNumber(sshPort))},
	}
}

func (n *Network) resolverElement(nameserver netip.Addr) element {
	return element{set: n.sets.resolver, key: n.Gateway4().AsSlice(), val: nameserver.AsSlice()}
}

// put adds elements in one transaction; those that exist stay, and a map's entry of the same key is replaced.
func put(elements ...element) error {
	err := transact(nil, elements)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err = transact(elements, elements); !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := remove(elements...); err != nil { // some existed, some did not
		return err
	}
	return transact(nil, elements)
}

// remove deletes elements by their keys; those that do not exist are no error.
func remove(elements ...element) error {
	err := transact(elements, nil)
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	for _, e := range elements { // one that is missing undid the whole transaction
		if err := transact([]element{e}, nil); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

// transact deletes and then adds elements; either all of it happens or nothing.
func transact(del, add []element) error {
	c, err := dialNFT()
	if err != nil {
		return err
	}
	for _, e := range del {
		if err := c.SetDeleteElements(e.set, []nftables.SetElement{{Key: e.key}}); err != nil {
			return fmt.Errorf("delete element of %s: %w", e.set.Name, err)
		}
	}
	for _, e := range add {
		if err := c.SetAddElements(e.set, []nftables.SetElement{{Key: e.key, Val: e.val}}); err != nil {
			return fmt.Errorf("add element to %s: %w", e.set.Name, err)
		}
	}
	return c.Flush()
}

// dialNFT prepares a transaction. The deadline is for a kernel that answers fewer messages than were sent.
func dialNFT() (*nftables.Conn, error) {
	c, err := nftables.New(nftables.WithSockOptions(func(c *mdnetlink.Conn) error {
		return c.SetDeadline(time.Now().Add(10 * time.Second))
	}))
	if err != nil {
		return nil, fmt.Errorf("open nftables socket: %w", err)
	}
	return c, nil
}
