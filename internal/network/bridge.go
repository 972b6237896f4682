package network

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// Ensure makes the bridge, the sysctls and the ruleset what they should be; done twice it changes nothing. The rules come
// with the elements of ports (the sites that are attached) and redirects, in one transaction: sites that run are at no
// instant without their rules. Elements of any other site are gone afterwards.
func (n *Network) Ensure(ctx context.Context, ports, redirects []Port) error {
	for _, p := range append(append([]Port{}, ports...), redirects...) {
		if err := n.check(p); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.ports)
	clear(n.redirects)
	for _, p := range ports {
		n.ports[p.Index] = p
	}
	for _, p := range withPort(redirects) {
		n.redirects[p.Index] = p
	}
	return n.load(ctx)
}

// Reload is Ensure with the sites that are attached and redirected now: it brings back what another program flushed.
// It may be called while sites come and go.
func (n *Network) Reload(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.load(ctx)
}

// load makes rules, bridge and sysctls what they should be for n.ports and n.redirects; n.mu is held.
func (n *Network) load(ctx context.Context) error {
	resolver, err := n.resolvConf.read()
	if err != nil {
		n.log.Warn("read the host's nameservers", "err", err) // sites run without names; ServeResolver tries again
	}
	ports := slices.Collect(maps.Values(n.ports))
	rules, err := n.render(ports, slices.Collect(maps.Values(n.redirects)), resolver.dnat)
	if err != nil {
		return err
	}
	// The rules first: they hold for a bridge that does not exist yet, and nothing passes a new bridge without them.
	if err := load(ctx, loadTimeout, rules); err != nil {
		return err
	}
	n.resolver = resolver
	if err := fault.Point("host: rules"); err != nil {
		return err
	}
	if n.rules, err = n.ruleNames(); err != nil {
		return fmt.Errorf("read back nftables rules: %w", err)
	}
	bridge, err := n.ensureBridge()
	if err != nil {
		return fmt.Errorf("set up bridge %s: %w", n.bridgeName(), err)
	}
	if err := fault.Point("host: bridge"); err != nil {
		return err
	}
	if err := enableForwarding(); err != nil {
		return err
	}
	if err := n.ensureNeighbours(bridge, ports); err != nil {
		return fmt.Errorf("set neighbours of bridge %s: %w", n.bridgeName(), err)
	}
	return nil
}

func withPort(redirects []Port) []Port {
	var some []Port
	for _, p := range redirects {
		if p.SSHPort != 0 {
			some = append(some, p)
		}
	}
	return some
}

// Down removes tables and bridge, also where they are half-made or gone. Forwarding stays on: others may have come to use it.
func (n *Network) Down(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	// The bridge first, so that no site is ever connected without rules.
	if err := deleteLink(n.bridgeName()); err != nil {
		return fmt.Errorf("remove bridge %s: %w", n.bridgeName(), err)
	}
	n.resolver, n.rules = resolver{}, nil
	clear(n.ports)
	clear(n.redirects)
	return n.unload()
}

func (n *Network) ensureBridge() (netlink.Link, error) {
	snooping := false // without a querier it would stop neighbour discovery
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = n.bridgeName(), n.bridgeMAC()
	wanted := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	err := netlink.LinkAdd(wanted)
	if errors.Is(err, unix.EEXIST) {
		err = netlink.LinkModify(wanted)
	}
	if err != nil {
		return nil, err
	}
	bridge, err := netlink.LinkByName(n.bridgeName())
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"net/ipv4/conf/" + n.bridgeName() + "/route_localnet": "1", // answers of redirects from 127.0.0.1
		"net/ipv6/conf/" + n.bridgeName() + "/accept_ra":      "0",
	} {
		if err := linux.WriteSysctl(name, value); err != nil {
			return nil, err
		}
	}
	if err := n.ensureAddresses(bridge); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return nil, err
	}
	return bridge, n.ensureRoutes(bridge)
}

// ensureAddresses gives the bridge the gateways' addresses and takes those of an older configuration.
func (n *Network) ensureAddresses(bridge netlink.Link) error {
	want := map[string]*netlink.Addr{}
	for _, p := range []netip.Prefix{
		netip.PrefixFrom(n.Gateway4(), n.subnet4.Bits()), netip.PrefixFrom(n.Gateway6(), n.subnet6.Bits()),
	} {
		want[p.String()] = address(p)
	}
	have, err := netlink.AddrList(bridge, netlink.FAMILY_ALL)
	if err != nil {
		return err
	}
	for _, a := range have {
		if key := a.IPNet.String(); want[key] != nil {
			delete(want, key)
		} else if !a.IP.IsLinkLocalUnicast() {
			if err := netlink.AddrDel(bridge, &a); err != nil {
				return err
			}
		}
	}
	for _, a := range want {
		if err := netlink.AddrReplace(bridge, a); err != nil {
			return err
		}
	}
	return nil
}

// address is usable at once: without duplicate address detection, which takes IPv6 a second.
func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// enableForwarding turns the host into a router where it is not one yet. An interface that takes its IPv6 address from
// router advertisements (accept_ra 1) would stop doing so, because a router does not listen to routers, and the host would
// lose its address and default route minutes later. 2 means: also when forwarding. It is set first, since the kernel
// drops learned routes the moment forwarding goes on.
func enableForwarding() error {
	if err := linux.WriteSysctl("net/ipv4/ip_forward", "1"); err != nil {
		return fmt.Errorf("enable IPv4 forwarding: %w", err)
	}
	if on, err := linux.ReadSysctl("net/ipv6/conf/all/forwarding"); err != nil || on == "1" {
		if errors.Is(err, os.ErrNotExist) {
			return errors.New("enable IPv6 forwarding: this kernel was started without IPv6 (ipv6.disable=1)")
		}
		return err
	}
	names, err := filepath.Glob("/proc/sys/net/ipv6/conf/*/accept_ra")
	if err != nil {
		return err
	}
	for _, path := range names {
		name, err := filepath.Rel("/proc/sys", path)
		if err != nil {
			return err
		}
		if v, err := linux.ReadSysctl(name); err != nil || v != "1" {
			continue // gone since, or set by the admin
		}
		if err := linux.WriteSysctl(name, "2"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("keep IPv6 router advertisements: %w", err)
		}
	}
	if err := linux.WriteSysctl("net/ipv6/conf/all/forwarding", "1"); err != nil {
		return fmt.Errorf("enable IPv6 forwarding: %w", err)
	}
	return nil
}
