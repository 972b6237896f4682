package network

import (
	"context"
	"fmt"

	"github.com/vishvananda/netlink"
)

// Traffic is what has gone over a site's cable since it was made, in bytes, as the site sees it.
type Traffic struct {
	Received, Sent int64
}

// Traffic returns that of every attached site, by its index, from one dump.
func (n *Network) Traffic(ctx context.Context) (map[int]Traffic, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	links, err := retryDump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	traffic := map[int]Traffic{}
	for _, l := range links {
		index, ours := n.vethIndex(l.Attrs().Name)
		if s := l.Attrs().Statistics; ours && l.Type() == "veth" && s != nil {
			traffic[index] = Traffic{Received: int64(s.TxBytes), Sent: int64(s.RxBytes)} // the host's end sends what the site receives
		}
	}
	return traffic, nil
}
