package network

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// ErrNoShaping is returned by SetBandwidth where the kernel lacks sch_tbf, the token bucket that holds a link to a rate.
var ErrNoShaping = errors.New("this kernel cannot limit bandwidth: it has no sch_tbf")

// A bucket's depth. A packet that TCP leaves to the link to cut (GSO) has 64 KiB, and must fit in as a whole.
const (
	leastBurst = 128 << 10
	leastQueue = 128 << 10
)

// SetBandwidth holds an attached site to bytes a second each way, and reads back that the kernel does; 0 is no limit. What
// goes to the site waits at the host's end of its cable, what comes from it at its eth0, whose queue its root cannot
// change without CAP_NET_ADMIN. netns is the site's.
func (n *Network) SetBandwidth(ctx context.Context, p Port, netns *os.File, bytes int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return n.eachEnd(p, netns, func(h *netlink.Handle, link netlink.Link) error {
		if have, err := rateOf(h, link); err != nil || have == bytes {
			return err
		}
		if err := setRate(h, link, bytes); err != nil {
			return err
		}
		have, err := rateOf(h, link)
		if err == nil && have != bytes {
			err = fmt.Errorf("the kernel has %d bytes a second, not %d", have, bytes)
		}
		return err
	})
}

// Bandwidth returns what an attached site is held to, in bytes a second, from and to it; 0 is no limit.
func (n *Network) Bandwidth(p Port, netns *os.File) (from, to int64, err error) {
	var rates []int64
	err = n.eachEnd(p, netns, func(h *netlink.Handle, link netlink.Link) error {
		have, err := rateOf(h, link)
		rates = append(rates, have)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	return rates[1], rates[0], nil
}

// eachEnd calls do with the host's end of a site's cable, and with the site's.
func (n *Network) eachEnd(p Port, netns *os.File, do func(*netlink.Handle, netlink.Link) error) error {
	inside, err := handleIn(netns)
	if err != nil {
		return fmt.Errorf("look into the network of site %d: %w", p.Index, err)
	}
	defer inside.Close()
	for _, end := range []struct {
		h    *netlink.Handle
		name string
	}{{&netlink.Handle{}, n.vethName(p.Index)}, {inside, "eth0"}} {
		link, err := end.h.LinkByName(end.name)
		if isNotFound(err) {
			return fmt.Errorf("bandwidth of %s: %w", end.name, ErrNoVeth)
		}
		if err == nil {
			err = do(end.h, link)
		}
		if err != nil {
			return fmt.Errorf("bandwidth of %s: %w", end.name, err)
		}
	}
	return nil
}

func handleIn(netns *os.File) (h *netlink.Handle, err error) {
	err = linux.InNetNS(netns, func() (err error) {
		h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	return h, err
}

func setRate(h *netlink.Handle, link netlink.Link, bytes int64) error {
	root := netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)}
	if bytes == 0 {
		return goneIsFine(h.QdiscDel(&netlink.Tbf{QdiscAttrs: root}))
	}
	burst := clamp32(max(leastBurst, bytes/100)) // a clock tick of the slowest kernel, 10 ms
	err := h.QdiscReplace(&netlink.Tbf{
		QdiscAttrs: root,
		Rate:       uint64(bytes),
		Buffer:     netlink.Xmittime(uint64(bytes), burst),
		Limit:      clamp32(max(leastQueue, bytes/10)),
	})
	if errors.Is(err, unix.ENOENT) {
		return ErrNoShaping
	}
	return err
}

func clamp32(n int64) uint32 { return uint32(min(n, math.MaxInt32)) }

// rateOf is what a link is held to; 0 is no limit.
func rateOf(h *netlink.Handle, link netlink.Link) (int64, error) {
	all, err := retryDump(func() ([]netlink.Qdisc, error) { return h.QdiscList(link) })
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(all, func(q netlink.Qdisc) bool { return q.Attrs().Parent == netlink.HANDLE_ROOT })
	if i < 0 {
		return 0, nil
	}
	tbf, ok := all[i].(*netlink.Tbf)
	if !ok {
		return 0, nil
	}
	return int64(tbf.Rate), nil
}
