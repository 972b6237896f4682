//go:build root

package container

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/testhost"
)

// A site reads in its mount table how its disk was put together: no path of the host is told.
func TestMountsNameNothingOfTheHost(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Data, spec.DataTarget = b.data(spec), "/var/lib/data"
	c := b.start(spec)
	for _, table := range []string{"mountinfo", "mounts", "mountstats"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", c.PID(), table))
		must(t, err)
		if strings.Count(string(text), "overlay") < 2 {
			t.Errorf("%s shows no overlays:\n%s", table, text)
		}
		for _, path := range []string{testhost.Dir(), b.dir, "/image", "upper/", "/work", "idmapped"} {
			if strings.Contains(string(text), path) {
				t.Errorf("%s tells of %s:\n%s", table, path, text)
			}
		}
	}
}

// With a limit of 1 the kernel starts no program of a piped core_pattern; with 0 it does: core(5).
func TestNoCoreDumps(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	pid, release := probePID(t, c)
	defer release()
	for _, pid := range []int{c.PID(), pid} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		must(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "Max core file size") && strings.Join(strings.Fields(line), " ") != "Max core file size 1 1 bytes" {
				t.Errorf("process %d: %s", pid, line)
			}
		}
	}
}
