//go:build root

package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCgroupsWithoutAContainer(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	expect := func(want ...string) {
		t.Helper()
		got, err := b.runtime.Cgroups()
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("cgroups (-want +got):\n%s", diff)
		}
	}
	expect("alice")
	pids, err := b.runtime.Processes("alice")
	must(t, err)
	if !slices.Contains(pids, c.PID()) {
		t.Errorf("processes %v are without PID 1, %d", pids, c.PID())
	}

	// Only in one hierarchy, and with a process in a cgroup below it.
	ghost := filepath.Join(filepath.Dir(c.cgroup.manager.Path("memory")), "ghost")
	must(t, os.MkdirAll(filepath.Join(ghost, "below"), 0o755))
	sleep := exec.Command("sleep", "1000")
	must(t, sleep.Start())
	ended := make(chan error, 1)
	go func() { ended <- sleep.Wait() }()
	pid := strconv.Itoa(sleep.Process.Pid)
	must(t, os.WriteFile(filepath.Join(ghost, "below", "cgroup.procs"), []byte(pid), 0))
	expect("alice", "ghost")
	if pids, err := b.runtime.Processes("ghost"); err != nil || !slices.Equal(pids, []int{sleep.Process.Pid}) {
		t.Errorf("processes of ghost: %v, %v", pids, err)
	}
	must(t, b.runtime.Clear(t.Context(), "ghost"))
	<-ended
	expect("alice")
	must(t, b.runtime.Clear(t.Context(), "ghost"))
	if running, err := b.runtime.Running("ghost"); running || err != nil {
		t.Errorf("ghost runs: %v, %v", running, err)
	}
	if running, err := b.runtime.Running("alice"); !running || err != nil {
		t.Errorf("alice runs: %v, %v", running, err)
	}
}

func TestLimitsChangedByHand(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	c := b.start(spec)
	must(t, c.CheckLimits(spec.Limits))
	for path := range limitFiles(c, spec.Limits) {
		if strings.Contains(path, "period") || strings.Contains(path, "memsw") {
			continue // bound to another
		}
		other := map[string]string{"pids.max": "7", "cpu.cfs_quota_us": "7000", "cpu.max": "7000 100000"}[filepath.Base(path)]
		if other == "" {
			other = strconv.Itoa(40 << 20)
		}
		must(t, os.WriteFile(path, []byte(other), 0))
		if err := c.CheckLimits(spec.Limits); err == nil || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s changed: %v", path, err)
		}
		must(t, c.SetLimits(t.Context(), spec.Limits))
		must(t, c.CheckLimits(spec.Limits))
	}
}
