package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/require"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// Diagnosis is what Doctor found.
type Diagnosis struct {
	Requirements []require.Check
	Boot         BootReport
	Findings     []Finding // where host and records do not agree
	Sites        int       // that were compared
	Busy         []string  // sites that were in the middle of a change, and left out
}

// Finding is one thing in which host and records do not agree.
type Finding struct {
	Site   string // whose it is; "" is none's
	What   string
	Remedy string // what Mend does or did, or where it must not, what to type
	Safe   bool   // Mend does it
	Mended bool
	Left   string // why Mend did not
	mend   func(context.Context) error
}

// Doctor checks the requirements and compares the host with the records. It changes nothing.
func (e *Engine) Doctor(ctx context.Context) (Diagnosis, error) { return e.examine(ctx, false) }

// Mend is Doctor, and mends what can be mended without a loss: it never deletes a site's disk, an image or a record. It
// looks once more afterwards: what is still there is not mended.
func (e *Engine) Mend(ctx context.Context) (Diagnosis, error) {
	before, err := e.examine(ctx, false)
	if err != nil {
		return Diagnosis{}, err
	}
	during, err := e.examine(ctx, true)
	if err != nil {
		return Diagnosis{}, err
	}
	after, err := e.examine(ctx, false)
	if err != nil {
		return Diagnosis{}, fmt.Errorf("look again: %w", err)
	}
	after.Findings = outcome(before.Findings, during.Findings, after.Findings)
	return after, nil
}

// outcome says of every finding whether it was mended: one mend can do for several findings, and bring others to light.
func outcome(before, during, after []Finding) []Finding {
	all := slices.Clone(before)
	for _, f := range slices.Concat(during, after) {
		if find(all, f) == nil {
			all = append(all, f)
		}
	}
	for i := range all {
		f := &all[i]
		f.Mended, f.Left = find(after, *f) == nil, ""
		if f.Mended {
			continue
		}
		f.Left = "it came while others were mended: run it again"
		if tried := find(during, *f); tried != nil {
			f.Left = cmp.Or(tried.Left, "it was mended and is there again")
		}
	}
	return all
}

// find returns the finding that says the same as f, or nil.
func find(in []Finding, f Finding) *Finding {
	for i := range in {
		if in[i].Site == f.Site && in[i].What == f.What {
			return &in[i]
		}
	}
	return nil
}

// ReloadNetwork makes bridge, rules and all running sites' connections to them what they should be: after another program
// flushed the rules or took the bridge away.
func (e *Engine) ReloadNetwork(ctx context.Context) error {
	if err := e.network.Reload(ctx); err != nil {
		return fmt.Errorf("reload network: %w", err)
	}
	x := examination{Engine: e, mend: true}
	x.look = x.connectionOf
	if err := x.sites(ctx); err != nil {
		return err
	}
	for _, f := range x.out.Findings {
		if !f.Mended {
			return fmt.Errorf("site %s: %s: %s", f.Site, f.What, f.Left)
		}
	}
	return nil
}

// examination is one run of Doctor or Mend.
type examination struct {
	*Engine
	mend bool
	look func(site.Record, census) []Finding // at one site
	out  Diagnosis
}

func (e *Engine) examine(ctx context.Context, mend bool) (Diagnosis, error) {
	x := examination{Engine: e, mend: mend, out: Diagnosis{Requirements: e.requirements(ctx), Boot: e.lastBoot()}}
	x.look = x.checkup
	for _, step := range []func(context.Context) error{x.shared, x.strays, x.sites} {
		if err := step(ctx); err != nil {
			return Diagnosis{}, err
		}
	}
	return x.out, nil
}

// report keeps findings, and mends those that are safe to mend, if that was asked for. Whoever else could change what they
// are about is kept out by the caller.
func (x *examination) report(ctx context.Context, findings []Finding) {
	for _, f := range findings {
		f.Safe = f.mend != nil
		switch {
		case !x.mend:
		case f.mend == nil:
			f.Left = "this is for you to decide"
		default:
			x.run(ctx, &f)
		}
		x.out.Findings = append(x.out.Findings, f)
	}
}

func (x *examination) run(ctx context.Context, f *Finding) {
	ctx, cancel := context.WithTimeout(ctx, undoTimeout)
	defer cancel()
	if err := f.mend(ctx); err != nil {
		f.Left = err.Error()
		x.log.Error("mend", "site", f.Site, "what", f.What, "error", err)
		return
	}
	f.Mended = true
	x.log.Warn("mended", "site", f.Site, "what", f.What)
}

// shared looks at what all sites have in common.
func (x *examination) shared(ctx context.Context) error {
	faults, err := x.network.Check(ctx)
	if err != nil {
		return fmt.Errorf("check network: %w", err)
	}
	var findings []Finding
	for _, what := range faults {
		findings = append(findings, Finding{What: what, Remedy: "set up bridge and rules again", mend: x.ReloadNetwork})
	}
	if faults, err = x.pool.Check(); err != nil {
		return fmt.Errorf("check pool: %w", err)
	}
	for _, what := range faults {
		findings = append(findings, Finding{What: what, Remedy: "look at the pool, and restart logisd"})
	}
	x.report(ctx, findings)
	return nil
}

// census is what the host holds of this instance's sites.
type census struct {
	running  []string // run directories
	cgroups  []string
	veths    []network.Veth
	rules    bool // the ruleset is there
	elements []network.Element
	routes   []route.Route
	disks    []string
}

func (e *Engine) census(ctx context.Context) (c census, err error) {
	if c.running, err = e.containers.Names(); err != nil {
		return c, err
	}
	if c.cgroups, err = e.containers.Cgroups(); err != nil {
		return c, err
	}
	if c.veths, err = e.network.Veths(ctx); err != nil {
		return c, err
	}
	if c.rules, err = e.network.HasTables(); err != nil {
		return c, err
	}
	if c.elements, err = e.network.Elements(ctx); err != nil {
		return c, err
	}
	c.routes = e.routes.Table()
	c.disks, err = e.pool.Sites()
	return c, err
}
