package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// resolvInterval is how often the host's resolv.conf is looked at.
const resolvInterval = 2 * time.Second

// ServeResolver lets names resolve inside sites for as long as ctx lives, following changes of the host's resolv.conf.
// Sites ask the gateway. Where the host has a nameserver of its own on the network, the kernel translates their packets
// and goes on while logisd restarts; where it has only one that it alone can reach (a stub on loopback, an IPv6 address), a
// relay answers. Call it after Ensure. It returns nil when ctx ends.
func (n *Network) ServeResolver(ctx context.Context) error {
	var relay *relay
	defer func() { relay.stop() }()
	var seen [2]fileStamp
	tick := time.NewTicker(resolvInterval)
	defer tick.Stop()
	for first, failed := true, false; ; first = false {
		if stamp := n.resolvConf.stamp(); first || failed || stamp != seen {
			seen = stamp
			r, err := n.followResolver(first)
			if err == nil && !relay.serves(r.relay) {
				relay.stop()
				relay, err = n.startRelay(ctx, r.relay)
			}
			if err != nil && !failed { // tried again at every tick, said once
				n.logFailure(err)
			}
			failed = err != nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// followResolver makes the ruleset lead to the resolver that resolv.conf names now.
func (n *Network) followResolver(first bool) (resolver, error) {
	r, err := n.resolvConf.read()
	if err != nil {
		return r, fmt.Errorf("read the host's nameservers: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if r == n.resolver && !first {
		return r, nil
	}
	if r.dnat.IsValid() {
		err = put(n.resolverElement(r.dnat))
	} else {
		err = remove(n.resolverElement(netip.Addr{}))
	}
	if err != nil {
		return r, fmt.Errorf("set nameserver of sites: %w", err)
	}
	n.resolver = r
	if r == (resolver{}) {
		n.log.Warn("the host has no nameserver: sites cannot resolve names", "file", n.resolvConf.path)
	} else {
		n.log.Info("nameserver of sites", "nameserver", r)
	}
	return r, nil
}

// startRelay returns nil where none is needed.
func (n *Network) startRelay(ctx context.Context, upstream netip.AddrPort) (*relay, error) {
	if !upstream.IsValid() {
		return nil, nil
	}
	return listenRelay(ctx, netip.AddrPortFrom(n.Gateway4(), 53), upstream, n.log)
}

func (n *Network) logFailure(err error) {
	if errors.Is(err, unix.EADDRINUSE) { // a dnsmasq on all addresses, for instance
		n.log.Info("another program has port 53 of the gateway: sites ask that one for names", "gateway", n.Gateway4())
		return
	}
	n.log.Error("sites cannot resolve names", "err", err)
}
