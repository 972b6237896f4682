package network

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
)

// Detach removes a site's link, rules and neighbour entries, also where they are half-made or gone. The addresses may be
// missing (the zero Addr) where nobody knows them any more: they are then found by the MAC.
func (n *Network) Detach(ctx context.Context, p Port) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name := n.vethName(p.Index)
	p = n.forget(p)
	var errs []error
	if err := deleteLink(name); err != nil { // first: the rules hold until it is gone
		errs = append(errs, err)
	}
	if err := fault.Point("disconnect: link"); err != nil {
		return err
	}
	p, err := n.knownAddresses(p)
	if err != nil {
		errs = append(errs, fmt.Errorf("find addresses: %w", err))
	}
	if err := n.remove(n.portElements(p)...); err != nil {
		errs = append(errs, fmt.Errorf("remove from nftables sets: %w", err))
	}
	if err := n.forgetCounts(p.Addr4, p.Addr6); err != nil {
		errs = append(errs, fmt.Errorf("forget its connections: %w", err))
	}
	if err := n.deleteNeighbours(p); err != nil { // last: they are where the addresses are found
		errs = append(errs, fmt.Errorf("remove neighbours: %w", err))
	}
	if len(errs) > 0 {
		return fmt.Errorf("detach %s: %w", name, errors.Join(errs...))
	}
	return nil
}

// Attached returns the indexes of the instance's sites whose host end of the veth pair exists, in no order.
func (n *Network) Attached(ctx context.Context) ([]int, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	links, err := retryDump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	var indexes []int
	for _, l := range links {
		if index, ok := n.vethIndex(l.Attrs().Name); ok && l.Type() == "veth" {
			indexes = append(indexes, index)
		}
	}
	return indexes, nil
}

// deleteLink removes a link; that there is none is no error. The other end of a veth pair goes with it.
func deleteLink(name string) error {
	link, err := netlink.LinkByName(name)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) {
		return err
	}
	return nil
}

func isNotFound(err error) bool {
	var notFound netlink.LinkNotFoundError
	return errors.As(err, &notFound)
}
