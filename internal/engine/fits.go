package engine

import (
	"context"
	"fmt"

	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/quantity"
	"github.com/logis-project/logis/internal/site"
)

// machine is what there is to give.
type machine struct {
	container.Host
	disk int64 // size of the pool, in bytes
}

func (e *Engine) machine(ctx context.Context) (machine, error) {
	host, err := e.containers.Host()
	if err != nil {
		return machine{}, err
	}
	_, size, err := e.pool.Free(ctx)
	return machine{host, size}, err
}

// misfit is a limit that this machine cannot give.
type misfit struct {
	key  string // of [defaults]
	what string // "memory of 64GiB is more than this machine has (24GiB)"
	next string // what to do
}

// misfits lists what of the limits asked for is more than the machine has. What a site has already, old, is not asked again:
// a machine may become smaller.
func (m machine) misfits(old, asked site.Limits) []misfit {
	var out []misfit
	add := func(key string, more bool, next, format string, args ...any) {
		if more {
			out = append(out, misfit{key, fmt.Sprintf(format, args...), next})
		}
	}
	bytes := quantity.Format
	add("memory", asked.Memory > max(old.Memory, m.Memory), "ask for less",
		"memory of %s is more than this machine has (%s)", bytes(asked.Memory), bytes(m.Memory))
	add("swap", m.Swap > 0 && asked.Swap > max(old.Swap, m.Swap), "ask for less, or give the machine more (swapon)",
		"swap of %s is more than this machine has (%s)", bytes(asked.Swap), bytes(m.Swap))
	// There may be some later: so much that it means something.
	add("swap", m.Swap == 0 && asked.Swap > max(old.Swap, m.Memory), "ask for less, or for none with --swap off",
		"swap of %s is more than this machine has (none, and %s of memory)", bytes(asked.Swap), bytes(m.Memory))
	add("cpus", asked.CPUs > max(old.CPUs, float64(m.CPUs)), "ask for fewer",
		"%v cpus are more than this machine has (%d)", asked.CPUs, m.CPUs)
	add("pids", asked.PIDs > max(old.PIDs, m.Tasks), "ask for fewer",
		"%d processes are more than this machine can have in all (%d)", asked.PIDs, m.Tasks)
	add("open_files", asked.OpenFiles > max(old.OpenFiles, m.OpenFiles), "ask for fewer, or raise logisd's own limit (LimitNOFILE= in logis.service)",
		"%d open files are more than this host allows a process (%d)", asked.OpenFiles, m.OpenFiles)
	add("disk", asked.Disk > max(old.Disk, m.disk), "ask for less, or raise pool.size",
		"disk of %s is more than the disk pool has (%s)", bytes(asked.Disk), bytes(m.disk))
	return out
}

// fits tells whether this machine can give what is asked for; site.ErrInvalid. Swap is asked for by who names it: the default
// is what a site may use of what there is.
func (e *Engine) fits(ctx context.Context, old, asked site.Limits, given func(key string) bool) error {
	m, err := e.machine(ctx)
	if err != nil {
		return err
	}
	for _, f := range m.misfits(old, asked) {
		switch {
		case given(f.key):
			return fmt.Errorf("%w: %s: %s", site.ErrInvalid, f.what, f.next)
		case f.key != "swap":
			return fmt.Errorf("%w: %s, and comes from %s in [defaults] of logis.toml: name another, or change that", site.ErrInvalid, f.what, f.key)
		}
	}
	return nil
}

// givenIn tells which limits a request names, those that have a default.
func givenIn(asked site.Limits) func(key string) bool {
	named := map[string]bool{
		"memory": asked.Memory != 0, "swap": asked.Swap != site.Unset, "cpus": asked.CPUs != 0, "pids": asked.PIDs != 0,
		"open_files": asked.OpenFiles != 0, "disk": asked.Disk != 0,
	}
	return func(key string) bool { return named[key] }
}

// sayMisfits logs the defaults that this machine cannot give: who asks for nothing else gets an error, or with swap, less.
func (e *Engine) sayMisfits(ctx context.Context) {
	m, err := e.machine(ctx)
	if err != nil {
		e.log.Error("look what this machine has", "error", err)
		return
	}
	unset := site.Limits{Swap: site.Unset, IOBandwidth: site.Unset, Bandwidth: site.Unset}
	for _, f := range m.misfits(site.Limits{}, e.withDefaults(site.Spec{Limits: unset}).Limits) {
		e.log.Warn("a default in logis.toml is more than there is", "key", "defaults."+f.key, "found", f.what)
	}
}

// noSwap is the warning for who asked for swap on a machine that has none; "" is none.
func (e *Engine) noSwap(asked int64) string {
	host, err := e.containers.Host()
	if err != nil || host.Swap > 0 || asked <= 0 {
		return ""
	}
	return fmt.Sprintf("swap of %s: this machine has none, so that nothing of it can be used: add some (mkswap, swapon)", quantity.Format(asked))
}

// warnOf adds a warning, unless it is "".
func warnOf(warnings []string, w string) []string {
	if w == "" {
		return warnings
	}
	return append(warnings, w)
}

// enough tells whether the services of an image start with so much memory; site.ErrInvalid.
func enough(base image.Image, memory int64) error {
	if memory >= base.MinMemory {
		return nil
	}
	return fmt.Errorf("%w: memory of %s is too little for the services of image %s: it needs %s", site.ErrInvalid, quantity.Format(memory),
		base.Name, quantity.Format(base.MinMemory))
}

// enoughFor is enough for a site that exists, of less memory than it has. One whose image is gone is not asked.
func (e *Engine) enoughFor(rec site.Record, memory int64) error {
	if memory >= rec.Spec.Limits.Memory {
		return nil
	}
	dir, err := e.pool.Image(rec.Spec.Image + "@" + rec.ImageDigest)
	if err != nil {
		return nil
	}
	base, err := image.Load(dir)
	if err != nil {
		return nil
	}
	return enough(base, memory)
}
