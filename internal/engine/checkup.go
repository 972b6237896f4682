package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/lxcfs"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// repairNetwork is the remedy for whatever is wrong with a running site's connection.
const repairNetwork = "connect it again"

// sites compares each site with what the host has of it, under the site's lock. One that is in the middle of a change is
// left out.
func (x *examination) sites(ctx context.Context) error {
	c, err := x.census(ctx)
	if err != nil {
		return fmt.Errorf("look at the host: %w", err)
	}
	for _, rec := range x.store.All() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		unlock, ok := x.ops.try(rec.Name())
		if !ok {
			x.out.Busy = append(x.out.Busy, rec.Name())
			continue
		}
		err := x.site(ctx, rec.Name(), &c)
		unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// site compares one site, whose lock is held. The census is older than the lock: what does not agree with it is compared
// with a new one.
func (x *examination) site(ctx context.Context, name string, c *census) error {
	rec, err := x.store.Get(name)
	if errors.Is(err, site.ErrNotFound) {
		return nil // destroyed meanwhile
	}
	if err != nil {
		return err
	}
	if x.inMotion(rec) {
		x.out.Busy = append(x.out.Busy, name)
		return nil
	}
	x.out.Sites++
	findings := x.look(rec, *c)
	if len(findings) == 0 {
		return nil
	}
	if *c, err = x.census(ctx); err != nil {
		return fmt.Errorf("look at the host again: %w", err)
	}
	findings = x.look(rec, *c)
	if x.inMotion(rec) { // it ended meanwhile, and will be started again
		x.out.Busy = append(x.out.Busy, name)
		return nil
	}
	for i := range findings {
		findings[i].Site = name
	}
	x.report(ctx, findings)
	return nil
}

// inMotion tells whether a site waits for its turn to start, or has ended and will be cleaned up after.
func (x *examination) inMotion(rec site.Record) bool {
	s := x.live(rec.Name()).snapshot()
	if s.container == nil {
		return rec.Phase == site.Stopped && rec.Desired == site.Running && s.state != site.Failed && !x.isHalted()
	}
	select {
	case <-s.container.Done():
		return true
	default:
		return false
	}
}

// checkup says what does not agree between a site's record and the host.
func (x *examination) checkup(rec site.Record, c census) []Finding {
	name := rec.Name()
	if rec.Phase != site.Stopped {
		return []Finding{{What: "it was left half done: " + string(rec.Phase), Remedy: "logis destroy " + name + " --force"}}
	}
	s := x.live(name).snapshot()
	findings := append(x.recordOf(rec), x.diskOf(rec)...)
	switch {
	case x.isLeft(name): // whatever it has may be in use
		return append(findings, Finding{What: s.failure, Remedy: "restart logisd, or logis restart " + name})
	case s.container == nil && rec.Desired == site.Running && !x.isHalted():
		findings = append(findings, Finding{
			What: "it should run and has failed" + because(s.failure), Remedy: "logis start " + name + ", then logis logs " + name,
		})
		return append(findings, x.remains(rec, c)...)
	case s.container == nil:
		return append(findings, slices.Concat(x.remains(rec, c), x.routeTo(rec, c))...)
	case rec.Desired == site.Stopped:
		return append(findings, Finding{What: "it should be stopped and runs", Remedy: "logis stop " + name})
	}
	if err := s.container.CheckLimits(limitsOf(rec)); err != nil {
		findings = append(findings, Finding{
			What: "its limits are not in force: " + err.Error(), Remedy: "set them again",
			mend: func(ctx context.Context) error { return s.container.SetLimits(ctx, limitsOf(rec)) },
		})
	}
	if !s.container.Sees(x.view.Device(), lxcfs.Files()) {
		findings = append(findings, Finding{
			What: "it sees the host's memory, processors and load instead of its own", Remedy: "show it its own",
			mend: func(context.Context) error { return s.container.Renew(x.view.Mounts) },
		})
	}
	if got, err := s.container.Handed(); !errors.Is(err, container.ErrNotHanded) && (err != nil || !maps.Equal(got, handed(rec))) {
		findings = append(findings, Finding{
			What: "its sshd does not see the keys of its record" + because(words(err)), Remedy: "hand them over again",
			mend: func(context.Context) error { return s.container.Hand(handed(rec)) },
		})
	}
	if !s.container.ControlSocket() {
		findings = append(findings, Finding{What: "its control socket is gone: no exec, no logs", Remedy: "logis restart " + name})
	}
	return append(findings, slices.Concat(x.connection(rec, c), x.checkBandwidth(rec, s.container), x.routeTo(rec, c))...)
}

func (x *examination) recordOf(rec site.Record) []Finding {
	err := x.store.CheckFile(rec.Name())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{{
			What: "the file of its record is gone", Remedy: "write it again",
			mend: func(context.Context) error { return x.store.Save(rec.Name()) },
		}}
	}
	return []Finding{{What: "its record: " + err.Error(), Remedy: "mend the file, or move it away and run logis doctor --fix"}}
}

func (x *examination) diskOf(rec site.Record) []Finding {
	var findings []Finding
	err := x.pool.CheckDisk(rec.Name(), diskOf(rec))
	switch {
	case errors.Is(err, pool.ErrNoDisk):
		findings = append(findings, Finding{
			What:   "its disk is missing or only half there: " + err.Error(),
			Remedy: "bring the pool back from a backup, or logis destroy " + rec.Name() + " --force",
		})
	case err != nil:
		findings = append(findings, Finding{
			What: "its disk: " + err.Error(), Remedy: "set its limit again",
			mend: func(ctx context.Context) error {
				if err := x.pool.EnsureGroups(ctx, rec.Name(), rec.Index, diskOf(rec)); err != nil {
					return err
				}
				return x.pool.SetDisk(ctx, rec.Name(), diskOf(rec))
			},
		})
	}
	id := rec.Spec.Image + "@" + rec.ImageDigest
	dir, err := x.pool.Image(id)
	if err == nil {
		_, err = image.Load(dir)
	}
	if err != nil {
		findings = append(findings, Finding{
			What: "its image " + id + ": " + err.Error(), Remedy: "logis image import a copy of just that image",
		})
	}
	return findings
}

// remains is what a site that does not run has left.
func (x *examination) remains(rec site.Record, c census) []Finding {
	name, port := rec.Name(), portOf(rec)
	var findings []Finding
	left := func(what string, mend func(context.Context) error) {
		findings = append(findings, Finding{What: "it does not run, but there is still " + what, Remedy: "remove it", mend: mend})
	}
	if slices.Contains(c.running, name) || slices.Contains(c.cgroups, name) {
		left("its cgroup or run directory", func(ctx context.Context) error { return x.containers.Clear(ctx, name) })
	}
	if slices.ContainsFunc(c.veths, func(v network.Veth) bool { return v.Index == rec.Index }) {
		left("its link "+x.network.VethName(rec.Index), func(ctx context.Context) error { return x.network.Detach(ctx, port) })
	}
	own := map[network.Key]bool{}
	for _, e := range x.network.ElementsOf(port) {
		own[e.Key] = true
	}
	for _, e := range c.elements {
		if own[e.Key] {
			left(e.String(), func(ctx context.Context) error { return x.network.RemoveElements(ctx, e) })
		}
	}
	return findings
}

// connectionOf is connection for a site that may not run.
func (x *examination) connectionOf(rec site.Record, c census) []Finding {
	if rec.Phase != site.Stopped || x.live(rec.Name()).snapshot().container == nil {
		return nil
	}
	return x.connection(rec, c)
}

// connection compares the cable of a running site, and its entries at the bridge and in the rules.
func (x *examination) connection(rec site.Record, c census) []Finding {
	port := portOf(rec)
	i := slices.IndexFunc(c.veths, func(v network.Veth) bool { return v.Index == rec.Index })
	if i < 0 {
		return []Finding{{
			What: "its link " + x.network.VethName(rec.Index) + " is gone", Remedy: repairNetwork,
			mend: func(ctx context.Context) error { return x.rewire(ctx, rec) },
		}}
	}
	repair := func(ctx context.Context) error { return x.network.Repair(ctx, port) }
	var findings []Finding
	if fault := c.veths[i].Fault; fault != "" {
		return []Finding{{
			What: "its link " + x.network.VethName(rec.Index) + " is " + fault, Remedy: repairNetwork, mend: repair,
		}}
	}
	if !c.rules {
		return nil // said once, of all
	}
	have := map[network.Element]bool{}
	for _, e := range c.elements {
		have[e] = true
	}
	for _, e := range x.network.ElementsOf(port) {
		if !have[e] {
			findings = append(findings, Finding{What: "it lacks " + e.String(), Remedy: repairNetwork, mend: repair})
		}
	}
	return findings
}

// routeTo compares what the proxy is told of a site.
func (x *examination) routeTo(rec site.Record, c census) []Finding {
	want := x.routeOf(rec, x.expected(rec))
	for _, r := range c.routes {
		if route.Same(r, want) {
			return nil
		}
	}
	return []Finding{{
		What: "the proxy is not told of it as it is", Remedy: "tell it",
		mend: func(ctx context.Context) error { return x.routes.Set(ctx, want) },
	}}
}
