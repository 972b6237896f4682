package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Veth is the host's end of a site's cable as it is now.
type Veth struct {
	Index int
	Fault string // what is wrong with it, such as "down"; "" is nothing
}

// Veths lists the instance's, in no order.
func (n *Network) Veths(ctx context.Context) ([]Veth, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	links, err := retryDump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	guarded, err := guardedPorts()
	if err != nil {
		return nil, fmt.Errorf("list ports of bridges: %w", err)
	}
	bridge := -1
	for _, l := range links {
		if l.Attrs().Name == n.bridgeName() {
			bridge = l.Attrs().Index
		}
	}
	var veths []Veth
	for _, l := range links {
		index, ours := n.vethIndex(l.Attrs().Name)
		if !ours || l.Type() != "veth" {
			continue
		}
		v := Veth{Index: index}
		switch a := l.Attrs(); {
		case a.MasterIndex != bridge:
			v.Fault = "not at bridge " + n.bridgeName()
		case a.RawFlags&unix.IFF_UP == 0:
			v.Fault = "down"
		case !guarded[a.Index]:
			v.Fault = "not isolated from other sites"
		}
		veths = append(veths, v)
	}
	return veths, nil
}

// guardedPorts are the ports of bridges, by link, that are isolated, do not learn and are not flooded.
func guardedPorts() (map[int]bool, error) {
	// netlink.LinkGetProtinfo makes this dump anew for every link.
	msgs, err := retryDump(func() ([][]byte, error) {
		req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_BRIDGE))
		return req.Execute(unix.NETLINK_ROUTE, 0)
	})
	if err != nil {
		return nil, err
	}
	guarded := map[int]bool{}
	for _, m := range msgs {
		info := nl.DeserializeIfInfomsg(m)
		attrs, err := nl.ParseRouteAttr(m[info.Len():])
		if err != nil {
			return nil, err
		}
		for _, a := range attrs {
			if a.Attr.Type != unix.IFLA_PROTINFO|unix.NLA_F_NESTED {
				continue
			}
			flags, err := nl.ParseRouteAttr(a.Value)
			if err != nil {
				return nil, err
			}
			set := map[uint16]bool{}
			for _, f := range flags {
				set[f.Attr.Type] = len(f.Value) > 0 && f.Value[0] != 0
			}
			guarded[int(info.Index)] = set[nl.IFLA_BRPORT_ISOLATED] && !set[nl.IFLA_BRPORT_LEARNING] && !set[nl.IFLA_BRPORT_UNICAST_FLOOD]
		}
	}
	return guarded, nil
}

// ErrNoVeth is returned by Repair for a site whose cable is gone.
var ErrNoVeth = errors.New("no veth")

// Repair makes the host's side of a running site what Attach and Redirect made it: port of the bridge, its MAC, neighbour
// entries, elements, redirect. Where the veth is gone it is ErrNoVeth: Detach and Attach the site.
func (n *Network) Repair(ctx context.Context, p Port) error {
	if err := errors.Join(ctx.Err(), n.check(p)); err != nil {
		return err
	}
	host, err := netlink.LinkByName(n.vethName(p.Index))
	if isNotFound(err) {
		return fmt.Errorf("repair %s: %w", n.vethName(p.Index), ErrNoVeth)
	}
	if err != nil {
		return fmt.Errorf("find %s: %w", n.vethName(p.Index), err)
	}
	bridge, err := netlink.LinkByName(n.bridgeName())
	if err != nil {
		return fmt.Errorf("find bridge %s: %w", n.bridgeName(), err)
	}
	if err := n.setUpHostSide(p, bridge, host); err != nil {
		return fmt.Errorf("repair %s: %w", n.vethName(p.Index), err)
	}
	return n.Redirect(ctx, p)
}

// Nameserver says where sites' questions for names go, such as "10.0.0.1" or "relay to 127.0.0.53:53"; "" is nowhere.
func (n *Network) Nameserver() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.resolver == (resolver{}) {
		return ""
	}
	return n.resolver.String()
}
