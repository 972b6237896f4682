//go:build root

package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"
)

// limitFiles returns the limit files of a container and what they must hold.
func limitFiles(c *Container, l Limits) map[string]string {
	files := map[string]string{}
	for _, e := range expectations(l.resources(), cgroups.IsCgroup2UnifiedMode()) {
		files[filepath.Join(c.cgroup.manager.Path(e.controller), e.file)] = e.want
	}
	return files
}

func TestLimitsReachTheKernel(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Limits = Limits{Memory: 64<<20 + 1, Swap: 32 << 20, CPUs: 0.29, PIDs: 50, CPUWeight: 30}
	c := b.start(spec)
	if w := c.Warnings(spec.Limits); len(w) > 0 {
		t.Logf("this kernel: %q", w)
	}
	u, err := c.Usage()
	must(t, err)
	if u.Memory <= 0 || u.PIDs <= 0 || u.CPUSeconds <= 0 {
		t.Errorf("usage is %+v", u)
	}
	resources := spec.Limits.resources()
	for path, want := range limitFiles(c, spec.Limits) {
		must(t, c.cgroup.verify(resources))
		old, err := os.ReadFile(path)
		must(t, err)
		// Close enough to be taken for rounding by a careless reader.
		other := map[string]string{
			"67108865": "67112960", "100663297": "100667392", "29000": "29001", "100000": "100001", "50": "51", "29000 100000": "29001 100000",
			"33554432": "33558528", "30": "31", "307": "308",
		}[want]
		must(t, os.WriteFile(path, []byte(other), 0))
		err = c.cgroup.verify(resources)
		if err == nil || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s holds %s instead of %s: verify says %v", path, other, want, err)
		}
		must(t, os.WriteFile(path, old, 0))
	}
}

func TestMemoryHogDiesAlone(t *testing.T) {
	b := newBox(t)
	alice, bob := b.start(b.spec("alice", 0)), b.start(b.spec("bob", 1))
	if r := run(t, alice, "", "/probe", "hog", fmt.Sprint(8<<20)); r.status != 0 {
		t.Fatalf("a small one: %+v", r)
	}
	if r := run(t, alice, "", "/probe", "hog", fmt.Sprint(256<<20)); r.status != 128+9 {
		t.Errorf("four times the limit: %+v", r)
	}
	for _, c := range []*Container{alice, bob} {
		select {
		case <-c.Done():
			t.Fatalf("%s ended", c.name)
		default:
		}
		if r := run(t, c, "", "/probe", "whoami"); r.status != 0 {
			t.Errorf("%s afterwards: %+v", c.name, r)
		}
	}
}

func TestForkBombStopsAtLimit(t *testing.T) {
	b := newBox(t)
	alice, bob := b.start(b.spec("alice", 0)), b.start(b.spec("bob", 1))
	r := run(t, alice, "", "/probe", "bomb", "200")
	var started int
	if _, err := fmt.Sscan(r.stdout, &started); err != nil || started == 0 || started >= 64 {
		t.Errorf("with a limit of 64 tasks: %+v", r)
	}
	for _, c := range []*Container{alice, bob} {
		if r := run(t, c, "", "/probe", "whoami"); r.status != 0 {
			t.Errorf("%s afterwards: %+v", c.name, r)
		}
	}
}

// A limit that the kernel does not take ends the start.
func TestImpossibleLimit(t *testing.T) {
	b := newBox(t)
	for want, change := range map[string]func(*Limits){
		"cpu": func(l *Limits) { l.CPUs = 0 }, "memory": func(l *Limits) { l.Memory = 0 }, "wrote -1": func(l *Limits) { l.Memory = -1 },
		"pids": func(l *Limits) { l.PIDs = -1 },
	} {
		spec := b.spec("alice", 0)
		change(&spec.Limits)
		c, err := b.runtime.Create(t.Context(), spec)
		must(t, err)
		err = c.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want one line with %q", spec.Limits, err, want)
		}
		b.end(c)
	}
}
