package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/quantity"
	"github.com/logis-project/logis/internal/site"
)

// shape holds a running site that is attached to the bandwidth of its record. Where the kernel cannot, that is a warning of
// the site and no error: it runs as without the limit.
func (e *Engine) shape(ctx context.Context, rec site.Record, c *container.Container) error {
	ns, err := c.NetNS()
	if err != nil {
		return err
	}
	defer ns.Close()
	err = e.network.SetBandwidth(ctx, portOf(rec), ns, rec.Spec.Limits.Bandwidth)
	unshaped := ""
	if errors.Is(err, network.ErrNoShaping) {
		unshaped, err = fmt.Sprintf("bandwidth is not limited: %v", network.ErrNoShaping), nil
	}
	e.live(rec.Name()).setUnshaped(unshaped)
	return err
}

// checkBandwidth asks the kernel what a running site is held to.
func (x *examination) checkBandwidth(rec site.Record, c *container.Container) []Finding {
	if why := x.live(rec.Name()).whyUnshaped(); why != "" {
		return []Finding{{What: why, Remedy: "start a kernel with CONFIG_NET_SCH_TBF, as Debian's has, or logis set " + rec.Name() + " --bandwidth off"}}
	}
	ns, err := c.NetNS()
	if err != nil {
		return nil // it has ended since
	}
	defer ns.Close()
	from, to, err := x.network.Bandwidth(portOf(rec), ns)
	want := rec.Spec.Limits.Bandwidth
	if errors.Is(err, network.ErrNoVeth) || err == nil && from == want && to == want {
		return nil // without a veth that is what is said
	}
	what := fmt.Sprintf("its bandwidth is %s from it and %s to it, not %s", quantity.FormatRate(from), quantity.FormatRate(to),
		quantity.FormatRate(want))
	if err != nil {
		what = "its bandwidth: " + err.Error()
	}
	return []Finding{{
		What: what, Remedy: "set it again", mend: func(ctx context.Context) error { return x.shape(ctx, rec, c) },
	}}
}

func (l *live) whyUnshaped() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unshaped
}

// setUnshaped notes why a site is not held to its bandwidth; "" that it is.
func (l *live) setUnshaped(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unshaped = why
}
