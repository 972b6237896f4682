package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

// strays looks for what belongs to the instance and to no site. Sites come and go meanwhile, so what looks like a stray is
// looked at twice. While strays are mended no site is born: it could be given the index or the name of one.
func (x *examination) strays(ctx context.Context) error {
	first, err := x.lookForStrays(ctx)
	if err != nil || len(first) == 0 {
		return err
	}
	if x.mend {
		x.images.Lock()
		defer x.images.Unlock()
	}
	second, err := x.lookForStrays(ctx)
	if err != nil {
		return err
	}
	x.report(ctx, slices.DeleteFunc(second, func(f Finding) bool {
		return !slices.ContainsFunc(first, func(o Finding) bool { return o.What == f.What })
	}))
	return nil
}

// lookForStrays compares with the records of before and after: what belongs to a site that is made or destroyed meanwhile
// is in one of them.
func (x *examination) lookForStrays(ctx context.Context) ([]Finding, error) {
	before := x.store.All()
	c, err := x.census(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the host: %w", err)
	}
	files, err := x.leftFiles()
	if err != nil {
		return nil, err
	}
	groups, err := x.pool.LostGroups()
	if err != nil {
		return nil, err
	}
	foreigners, err := x.foreigners()
	if err != nil {
		return nil, err
	}
	k := x.ownersOf(append(before, x.store.All()...))
	findings := slices.Concat(x.brokenRecords(k), foreigners, x.strayContainers(c, k), x.strayNetwork(c, k), x.strayDisks(c, k), files)
	for _, g := range groups {
		if !k.indexes[g.Index] {
			findings = append(findings, Finding{
				What: "quota group " + g.Name + " of the pool has no members", Remedy: "remove it",
				mend: func(context.Context) error { x.pool.SweepGroup(g); return nil },
			})
		}
	}
	return findings, nil
}

// owners is what sites have by right, whether they run or not.
type owners struct {
	names   map[string]bool
	indexes map[int]bool
	keys    map[network.Key]bool
}

func (x *examination) ownersOf(records []site.Record) owners {
	k := owners{map[string]bool{}, map[int]bool{}, map[network.Key]bool{}}
	for _, rec := range records {
		k.names[rec.Name()], k.indexes[rec.Index] = true, true
		for _, e := range x.network.ElementsOf(portOf(rec)) {
			k.keys[e.Key] = true
		}
	}
	return k
}

// brokenRecords names the records that are kept aside, and adds to k what their sites have.
func (x *examination) brokenRecords(k owners) []Finding {
	var findings []Finding
	for _, b := range x.store.Broken() {
		k.names[b.Name], k.indexes[b.Index] = true, true
		findings = append(findings, Finding{
			Site: b.Name, What: fmt.Sprintf("its record is %s", b), Remedy: b.Mend(),
		})
	}
	return findings
}

// foreigners are processes of the host that could act as root of a site.
func (x *examination) foreigners() ([]Finding, error) {
	found, err := x.containers.Foreigners(x.store.IDs())
	if err != nil {
		return nil, err
	}
	var findings []Finding
	for _, f := range found {
		findings = append(findings, Finding{
			What:   fmt.Sprintf("process %d (%s) has id %d, which is a site's, and belongs to no site", f.PID, f.Name, f.ID),
			Remedy: "end it, and see where that id comes from: no account or container of another program may have ids from first_id on",
		})
	}
	return findings, nil
}

func (x *examination) strayContainers(c census, k owners) []Finding {
	var findings []Finding
	for _, name := range union(c.running, c.cgroups) {
		if k.names[name] {
			continue
		}
		f := Finding{What: "container " + name + " belongs to no site", Remedy: "end it and remove its cgroup and run directory"}
		if pids, err := x.containers.Processes(name); err == nil && len(pids) > 0 {
			f.What += fmt.Sprintf("; %d of its processes run", len(pids))
		}
		if slices.Contains(c.disks, name) {
			f.Remedy = "its disk is there, so its record may be lost: put that back and restart logisd"
		} else {
			f.mend = func(ctx context.Context) error { return x.containers.Clear(ctx, name) }
		}
		findings = append(findings, f)
	}
	return findings
}

func (x *examination) strayNetwork(c census, k owners) []Finding {
	var findings []Finding
	for _, v := range c.veths {
		if !k.indexes[v.Index] {
			findings = append(findings, Finding{
				What: "link " + x.network.VethName(v.Index) + " belongs to no site", Remedy: "remove it",
				mend: func(ctx context.Context) error { return x.network.Detach(ctx, network.Port{Index: v.Index}) },
			})
		}
	}
	for _, e := range c.elements {
		if !k.keys[e.Key] {
			findings = append(findings, Finding{
				What: e.String() + " belongs to no site", Remedy: "remove it",
				mend: func(ctx context.Context) error { return x.network.RemoveElements(ctx, e) },
			})
		}
	}
	for _, r := range c.routes {
		if !k.names[r.Site] {
			findings = append(findings, Finding{
				What: "the proxy has a route to " + r.Site + ", which is no site", Remedy: "take it back",
				mend: func(ctx context.Context) error { return x.routes.Delete(ctx, r.Site) },
			})
		}
	}
	return findings
}

func (x *examination) strayDisks(c census, k owners) []Finding {
	var findings []Finding
	for _, name := range c.disks {
		if !k.names[name] {
			dir := filepath.Join(x.pool.Dir(), "sites", name)
			findings = append(findings, Finding{
				What: "disk " + dir + " belongs to no site",
				Remedy: fmt.Sprintf("put %s back and restart logisd; or, if nobody wants it: btrfs subvolume delete %s/* && rmdir %s, and restart logisd",
					filepath.Join(x.config.StateDir, "sites", name+".json"), dir, dir),
			})
		}
	}
	return findings
}

// leftFiles are what work that died left in the pool and among the records.
func (x *examination) leftFiles() ([]Finding, error) {
	drafts, err := x.pool.Leftovers()
	temps, strayErr := x.store.Strays()
	if err := errors.Join(err, strayErr); err != nil {
		return nil, err
	}
	var findings []Finding
	for _, path := range drafts {
		findings = append(findings, Finding{
			What: "draft " + path + " of the pool: nobody builds that image", Remedy: "delete it",
			mend: func(ctx context.Context) error { return x.pool.DeleteLeftover(ctx, path) },
		})
	}
	for _, name := range temps {
		findings = append(findings, Finding{
			What: "temporary file " + name + " among the records", Remedy: "delete it",
			mend: func(context.Context) error { return x.store.RemoveStray(name) },
		})
	}
	return findings, nil
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
