package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/quantity"
	"github.com/logis-project/logis/internal/site"
)

const asSet = "as set"

// heldRows read back from the kernel what a site is held to. Of weights this is all that can be shown of one site: they say
// who gets how much where several want more than there is.
func heldRows() []outsideRow {
	return []outsideRow{
		{group: "limits", name: "every limit, as the kernel holds it", want: []string{asSet}, numbers: true, try: limitsHeld},
		{group: "limits", name: "weights, as the kernel holds them", want: []string{asSet}, throwaway: true, numbers: true, try: weightsHeld},
	}
}

func limitsHeld(_ context.Context, p *proof) (string, error) {
	rec, c, err := p.held()
	if err != nil {
		return "", err
	}
	ns, err := c.NetNS()
	if err != nil {
		return "", err
	}
	defer ns.Close()
	if err := c.CheckLimits(limitsOf(rec)); err != nil {
		return "NOT " + asSet + ": " + err.Error(), nil
	}
	if err := p.pool.CheckDisk(rec.Name(), diskOf(rec)); err != nil {
		return "NOT " + asSet + ": disk: " + err.Error(), nil
	}
	from, to, err := p.network.Bandwidth(portOf(rec), ns)
	if err != nil {
		return "", err
	}
	want := rec.Spec.Limits.Bandwidth
	if p.live(rec.Name()).whyUnshaped() != "" {
		want = 0 // it is a warning of the site
	}
	return within(from == want && to == want, asSet, "bandwidth %s from it, %s to it", quantity.FormatRate(from), quantity.FormatRate(to)), nil
}

func weightsHeld(ctx context.Context, p *proof) (_ string, err error) {
	weight := int64(300)
	back, err := p.change(ctx, site.Change{CPUWeight: &weight, IOWeight: &weight})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, back()) }()
	rec, c, err := p.held()
	if err != nil {
		return "", err
	}
	limits := limitsOf(rec)
	limits.CPUWeight, limits.IOWeight = weight, weight // whatever the record says
	if err := c.CheckLimits(limits); err != nil {
		return "NOT " + asSet + ": " + err.Error(), nil
	}
	return asSet + ": " + strings.Join(c.Weights(), ", "), nil
}

// held is the subject as it is recorded now, and its container.
func (p *proof) held() (site.Record, *container.Container, error) {
	name := p.subject.Record.Name()
	rec, err := p.store.Get(name)
	if err != nil {
		return rec, nil, err
	}
	c := p.live(name).snapshot().container
	if c == nil {
		return rec, nil, fmt.Errorf("%s does not run", name)
	}
	return rec, c, nil
}

// change changes limits of the subject until back is called.
func (p *proof) change(ctx context.Context, c site.Change) (back func() error, err error) {
	name := p.subject.Record.Name()
	was, err := p.store.Get(name)
	if err != nil {
		return nil, err
	}
	if _, err := p.Set(ctx, name, c); err != nil {
		return nil, fmt.Errorf("set limits for it: %w", err)
	}
	old := was.Spec.Limits
	undo := site.Change{CPUWeight: &old.CPUWeight, IOWeight: &old.IOWeight, IOBandwidth: &old.IOBandwidth, Bandwidth: &old.Bandwidth}
	return func() error {
		if _, err := p.Set(context.WithoutCancel(ctx), name, undo); err != nil {
			return fmt.Errorf("take back the limits that were set for it: %w", err)
		}
		return nil
	}, nil
}
