package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

const (
	maxMTU = 1500
	minMTU = 1280 // of IPv6, RFC 8200

	addrGenNone = 1 // IN6_ADDR_GEN_MODE_NONE: no link-local address
)

// Attach connects the network namespace netns of a site that has no eth0 yet: a veth pair whose other end is eth0 in
// there, addresses, routes, the port of the bridge and its rules. It returns ErrFull, wrapped, when the bridge has no
// port left; after an error nothing of it is left.
func (n *Network) Attach(ctx context.Context, p Port, netns *os.File) (err error) {
	if err := errors.Join(ctx.Err(), n.check(p)); err != nil {
		return err
	}
	name := n.vethName(p.Index)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("attach %s to bridge %s: %w", name, n.bridgeName(), err),
				n.Detach(context.WithoutCancel(ctx), p))
		}
	}()
	bridge, err := netlink.LinkByName(n.bridgeName())
	if err != nil {
		return err
	}
	inside, err := openInside(netns)
	if err != nil {
		return err
	}
	defer inside.Close()
	host, err := n.addVeth(p, netns)
	if err != nil {
		return err
	}
	if err := fault.Point("network: veth"); err != nil {
		return err
	}
	// Set before the port is up: the site can send nothing before its rules hold.
	if err := n.setUpHostSide(p, bridge, host); err != nil {
		return err
	}
	if err := fault.Point("network: port and rules"); err != nil {
		return err
	}
	if err := n.setUpInside(p, inside); err != nil {
		return err
	}
	eth0, err := inside.LinkByName("eth0")
	if err != nil {
		return err
	}
	return errors.Join(waitUp(ctx, inside, eth0), waitUp(ctx, &netlink.Handle{}, host))
}

// waitUp waits until a link has carried through that it is up, at once or within a millisecond: a worker of the kernel
// starts its queue and makes the bridge's port forward. Until then packets are lost, and a lost SYN costs a second.
func waitUp(ctx context.Context, h *netlink.Handle, link netlink.Link) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		now, err := h.LinkByIndex(link.Attrs().Index)
		if err != nil {
			return err
		}
		if now.Attrs().OperState == netlink.OperUp {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to come up: %w", link.Attrs().Name, ctx.Err())
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// openInside opens rtnetlink in netns, after making eth0, once there, take nothing from advertisements and no link-local
// address. Interfaces copy "default" when they appear.
func openInside(netns *os.File) (h *netlink.Handle, err error) {
	err = linux.InNetNS(netns, func() error {
		for _, s := range [][2]string{
			{"net/ipv6/conf/default/accept_ra", "0"},
			{"net/ipv6/conf/default/addr_gen_mode", "1"},
		} {
			if err := linux.WriteSysctl(s[0], s[1]); err != nil {
				return err
			}
		}
		var err error
		h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	return h, err
}

func (n *Network) addVeth(p Port, netns *os.File) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = n.vethName(p.Index), uplinkMTU()
	veth := netlink.NewVeth(attrs)
	veth.PeerName, veth.PeerHardwareAddr = "eth0", n.mac(p.Index)
	veth.PeerNamespace = netlink.NsFd(int(netns.Fd()))
	err := netlink.LinkAdd(veth)
	if errors.Is(err, unix.EEXIST) {
		// Of the site's last container: the kernel removes the links of a dead namespace in its own time.
		if err := deleteLink(attrs.Name); err != nil {
			return nil, err
		}
		err = netlink.LinkAdd(veth)
	}
	return veth, err
}

func (n *Network) setUpHostSide(p Port, bridge, host netlink.Link) error {
	n.remember(p)
	if err := netlink.LinkSetIP6AddrGenMode(host, addrGenNone); err != nil {
		return err
	}
	err := netlink.LinkSetMaster(host, bridge)
	if errors.Is(err, unix.EXFULL) {
		return fmt.Errorf("%w: it holds 1,023 sites and no more", ErrFull)
	}
	if err != nil {
		return err
	}
	if err := netlink.LinkSetIsolated(host, true); err != nil {
		return err
	}
	// The port's one MAC is entered, not learned: the bridge learns also from frames for 01:80:c2:00:00:0X, which its
	// rules do not see. And no frame for anybody else is tried here.
	if err := netlink.LinkSetLearning(host, false); err != nil {
		return err
	}
	if err := netlink.LinkSetFlood(host, false); err != nil {
		return err
	}
	err = netlink.NeighSet(&netlink.Neigh{
		LinkIndex: host.Attrs().Index, Family: unix.AF_BRIDGE, Flags: netlink.NTF_MASTER,
		State: netlink.NUD_NOARP, HardwareAddr: n.mac(p.Index), // NUD_NOARP is "static" here
	})
	if err != nil {
		return fmt.Errorf("enter MAC: %w", err)
	}
	for _, addr := range []netip.Addr{p.Addr4, p.Addr6} {
		if err := netlink.NeighSet(neighbour(bridge, addr, n.mac(p.Index))); err != nil {
			return fmt.Errorf("enter neighbour: %w", err)
		}
	}
	if err := n.put(n.portElements(p)...); err != nil {
		return fmt.Errorf("add to nftables sets: %w", err)
	}
	return netlink.LinkSetUp(host)
}

func (n *Network) setUpInside(p Port, h *netlink.Handle) error {
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := h.LinkSetUp(lo); err != nil {
		return err
	}
	eth0, err := h.LinkByName("eth0")
	if err != nil {
		return err
	}
	for _, own := range []netip.Addr{p.Addr4, p.Addr6} {
		if err := h.AddrAdd(eth0, address(single(own))); err != nil {
			return fmt.Errorf("give address %s: %w", own, err)
		}
	}
	if err := h.LinkSetUp(eth0); err != nil {
		return err
	}
	// Only the gateway is on the link: also the way to a linked site is by the host, since ports of the bridge are isolated.
	for _, gateway := range []netip.Addr{n.Gateway4(), n.Gateway6()} {
		near := &netlink.Route{LinkIndex: eth0.Attrs().Index, Dst: ipNet(single(gateway)), Scope: netlink.SCOPE_LINK}
		if err := h.RouteAdd(near); err != nil {
			return fmt.Errorf("add route to %s: %w", gateway, err)
		}
		all := netip.PrefixFrom(gateway, 0).Masked()
		route := &netlink.Route{LinkIndex: eth0.Attrs().Index, Dst: ipNet(all), Gw: net.IP(gateway.AsSlice())}
		if err := h.RouteAdd(route); err != nil {
			return fmt.Errorf("add default route through %s: %w", gateway, err)
		}
	}
	return nil
}

// single is the subnet of an address alone.
func single(addr netip.Addr) netip.Prefix { return netip.PrefixFrom(addr, addr.BitLen()) }

// uplinkMTU is that of the interface the host's default routes leave by, at most 1,500: larger packets from sites would
// need Path MTU discovery at every connection. Without a default route it is 1,500.
func uplinkMTU() int {
	mtu := maxMTU
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := retryDump(func() ([]netlink.Route, error) {
			return netlink.RouteListFiltered(family, &netlink.Route{}, netlink.RT_FILTER_DST)
		})
		if err != nil {
			continue // as without a route: this is to go faster, not to work
		}
		for _, r := range routes {
			if link, err := netlink.LinkByIndex(r.LinkIndex); err == nil {
				mtu = min(mtu, link.Attrs().MTU)
			}
		}
	}
	return max(mtu, minMTU)
}
