//go:build root

package container

import (
	"os"
	"testing"
	"time"
)

// BenchmarkStart reports where the time goes between the decision to start a site and its PID 1's first answer, and
// between the decision to end it and the host as it was: milliseconds a phase.
func BenchmarkStart(b *testing.B) {
	box := newBox(b)
	spec := box.spec("alice", 0)
	spec.Data, spec.DataTarget = box.data(spec), "/var/lib/data"
	phases := map[string]time.Duration{}
	timed := func(phase string, do func() error) {
		start := time.Now()
		must(b, do())
		phases[phase] += time.Since(start)
	}
	for b.Loop() {
		var c *Container
		timed("create", func() (err error) { c, err = box.runtime.Create(b.Context(), spec); return err })
		timed("start", func() error { return c.Start(b.Context()) })
		timed("answer", func() error { _, err := tryRun(b.Context(), c, "", "/probe", "whoami"); return err })
		timed("kill", func() error { return c.Kill(b.Context()) })
		timed("release", func() error { return c.Release(b.Context()) })
	}
	for phase, total := range phases {
		b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), phase+"-ms")
	}
}

// BenchmarkPhases looks into Create and Start.
func BenchmarkPhases(b *testing.B) {
	box := newBox(b)
	spec := box.spec("alice", 0)
	phases := map[string]time.Duration{}
	timed := func(phase string, do func() error) {
		start := time.Now()
		must(b, do())
		phases[phase] += time.Since(start)
	}
	for b.Loop() {
		c, err := box.runtime.Create(b.Context(), spec)
		must(b, err)
		userns, err := c.namespace("user")
		must(b, err)
		timed("root", func() error {
			root, err := assembleRoot(spec.Layers, userns)
			if err != nil {
				return err
			}
			return root.Close()
		})
		userns.Close()
		timed("save", c.save)
		timed("set", func() error { _, err := c.cgroup.set(spec.Limits); return err })
		timed("usage", func() error { _, err := c.Usage(); return err })
		other, err := newCgroup(box.runtime.opts.Instance, "other", spec.Limits)
		must(b, err)
		timed("join", func() error { return other.join(c.pid) })
		timed("kill", func() error { return c.Kill(b.Context()) })
		timed("remove", other.remove)
		timed("release", func() error { return c.Release(b.Context()) })
		again := &Container{runtime: box.runtime, name: "again", spec: spec, done: make(chan struct{})}
		must(b, os.Mkdir(box.runtime.dir("again"), 0o700))
		timed("launch", func() error { return again.launch(b.Context()) })
		again.watchers.Go(again.watch)
		must(b, again.Kill(b.Context()))
		must(b, again.Release(b.Context()))
	}
	for phase, total := range phases {
		b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), phase+"-ms")
	}
}
