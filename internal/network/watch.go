package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	mdnetlink "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// tableDeleted is the type of the kernel's word that an nftables table is gone: subsystem and message
// (linux/netfilter/nfnetlink.h).
const tableDeleted = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE

// Watch calls lost whenever another program has deleted a table of the instance: `nft flush ruleset`, as Debian's
// nftables.service does at every restart, takes the rules of everybody along. It returns when ctx ends, or with the error of
// its socket. lost is called by the same goroutine, and once more if it left a table missing and another change follows.
func (n *Network) Watch(ctx context.Context, lost func()) error {
	c, err := mdnetlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return fmt.Errorf("open netfilter socket: %w", err)
	}
	defer c.Close()
	if err := c.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		return fmt.Errorf("listen for changes of nftables: %w", err)
	}
	// A deadline in the past ends Receive, also one that has not begun.
	defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })()
	for missing := n.missing(); ; {
		if missing {
			lost()
		}
		messages, err := c.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS): // more changes than the socket holds: any may have been ours
			missing = n.missing()
		case err != nil:
			return fmt.Errorf("listen for changes of nftables: %w", err)
		default:
			missing = slices.ContainsFunc(messages, func(m mdnetlink.Message) bool {
				return uint16(m.Header.Type) == tableDeleted
			}) && n.missing()
		}
	}
}

// missing tells whether a table of the instance is not there, at an instant when no change of our own is under way.
func (n *Network) missing() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	there, err := n.HasTables()
	return err == nil && !there
}
