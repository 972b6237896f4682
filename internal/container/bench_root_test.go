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

// BenchmarkPhases looks into Create and Start, one step after the other.
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
		c := &Container{runtime: box.runtime, name: "alice", spec: spec, done: make(chan struct{}), limited: make(chan struct{})}
		must(b, os.Mkdir(box.runtime.dir("alice"), 0o700))
		timed("launch", func() error { return c.launch(b.Context()) })
		c.watchers.Go(c.watch)
		timed("cgroup", func() (err error) {
			if c.cgroup, err = box.runtime.newCgroup("alice", spec.Limits); err != nil {
				return err
			}
			return c.cgroup.join(-1)
		})
		timed("join", func() (err error) { return c.cgroup.join(c.pid) })
		timed("limits", func() error { return c.cgroup.set(spec.Limits) })
		close(c.limited)
		timed("root", func() error {
			userns, err := c.namespace("user")
			must(b, err)
			defer userns.Close()
			root, err := assembleRoot(spec.Layers, userns)
			must(b, err)
			return root.Close()
		})
		timed("save", c.save)
		timed("start", func() error { return c.Start(b.Context()) }) // root and save again, and the setup inside
		must(b, c.Kill(b.Context()))
		must(b, c.Release(b.Context()))
	}
	for phase, total := range phases {
		b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), phase+"-ms")
	}
}
