package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Flows counts what an address of a site holds in the host's table of connections, as the kernel lists it, but TCP: what of
// that is closed stays listed for two minutes, and is not counted against the site's share.
func (n *Network) Flows(addr netip.Addr) (int, error) {
	all, err := retryDump(func() ([]*netlink.ConntrackFlow, error) {
		return netlink.ConntrackTableList(netlink.ConntrackTable, familyOf(addr))
	})
	if err != nil {
		return 0, fmt.Errorf("list connections of the host: %w", err)
	}
	held := 0
	for _, f := range all {
		if f.Forward.Protocol != unix.IPPROTO_TCP && (flowsFrom{addr}).MatchConntrackFlow(f) {
			held++
		}
	}
	return held, nil
}

// ForgetFlows takes what addresses of a site hold from the host's table.
func (n *Network) ForgetFlows(addrs ...netip.Addr) error {
	var all []error
	for _, addr := range addrs {
		if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, familyOf(addr), flowsFrom{addr}); err != nil {
			all = append(all, fmt.Errorf("delete connections of %s from the host's table: %w", addr, err))
		}
	}
	return errors.Join(all...)
}

// flowsFrom matches the connections that an address opened.
type flowsFrom struct{ addr netip.Addr }

func (f flowsFrom) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	from, ok := netip.AddrFromSlice(flow.Forward.SrcIP)
	return ok && from.Unmap() == f.addr
}

func familyOf(addr netip.Addr) netlink.InetFamily {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}
