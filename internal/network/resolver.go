package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// resolvInterval is how often the host's resolv.conf is looked at.
const resolvInterval = 2 * time.Second

// answerTime is how long ResolverAnswers waits.
const answerTime = 2 * time.Second

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
			var err error
			if relay, err = n.followResolver(ctx, relay, first); err != nil && !failed { // tried again at every tick, said once
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

// followResolver makes sites reach the resolver that resolv.conf names now, and returns the relay that runs then, if any.
// A relay starts before packets come to it and stops after they do not, so that no question meets a closed port.
func (n *Network) followResolver(ctx context.Context, relay *relay, first bool) (*relay, error) {
	r, err := n.resolvConf.read()
	if err != nil {
		return relay, fmt.Errorf("read the host's nameservers: %w", err)
	}
	switch {
	case !r.relay.IsValid():
	case relay != nil:
		relay.setUpstream(r.relay)
	default:
		relay, err = listenRelay(ctx, netip.AddrPortFrom(n.Gateway4(), 53), r.relay, n.log)
	}
	if nftErr := n.setResolver(r, first); nftErr != nil || err != nil {
		return relay, errors.Join(err, nftErr)
	}
	if !r.relay.IsValid() {
		relay.stop()
		relay = nil
	}
	return relay, nil
}

// setResolver brings the ruleset's translation of the gateway's port 53 up to date.
func (n *Network) setResolver(r resolver, first bool) (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r == n.resolver && !first {
		return nil
	}
	if r.dnat.IsValid() {
		err = put(n.resolverElement(r.dnat))
	} else {
		err = remove(n.resolverElement(netip.Addr{}))
	}
	if err != nil {
		return fmt.Errorf("set nameserver of sites: %w", err)
	}
	n.resolver = r
	if r == (resolver{}) {
		n.log.Warn("the host has no nameserver: sites cannot resolve names", "file", n.resolvConf.path)
	} else {
		n.log.Info("nameserver of sites", "nameserver", r)
	}
	return nil
}

func (n *Network) logFailure(err error) {
	if errors.Is(err, unix.EADDRINUSE) { // a dnsmasq on all addresses, for instance
		n.log.Info("another program has port 53 of the gateway: sites ask that one for names", "gateway", n.Gateway4())
		return
	}
	n.log.Error("sites cannot resolve names", "err", err)
}

// ResolverAnswers tells whether the host itself gets any answer to a DNS message from the nameserver that sites are led to;
// false where there is none.
func (n *Network) ResolverAnswers(ctx context.Context, question []byte) bool {
	n.mu.Lock()
	r := n.resolver
	n.mu.Unlock()
	to := r.relay
	if r.dnat.IsValid() {
		to = netip.AddrPortFrom(r.dnat, 53)
	}
	if !to.IsValid() {
		return false
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "udp", to.String())
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(answerTime))
	if _, err := conn.Write(question); err != nil {
		return false
	}
	_, err = conn.Read(make([]byte, 512))
	return err == nil
}
