//go:build root

package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/cgroups"

	"github.com/logis-project/logis/internal/linux"
)

// newDiskBox is a box whose sites lie on a btrfs of its own, in a file, as those of logisd do.
func newDiskBox(t *testing.T) *box {
	t.Helper()
	b := newBox(t)
	file, dir := filepath.Join(b.dir, "pool.img"), filepath.Join(b.dir, "alice")
	must(t, os.Mkdir(dir, 0o755))
	for _, command := range [][]string{
		{"truncate", "-s", "256M", file}, {"mkfs.btrfs", "-q", file}, {"mount", "-o", "loop", file, dir},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", command, err, out)
		}
		if command[0] == "mount" {
			t.Cleanup(func() {
				if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
					t.Errorf("umount: %v: %s", err, out)
				}
			})
		}
	}
	disks, err := linux.DisksOf(dir)
	must(t, err)
	if len(disks) != 1 || !strings.HasPrefix(disks[0].Name, "loop") {
		t.Fatalf("the disks below %s are %+v", dir, disks)
	}
	b.runtime.opts.Disks = disks
	return b
}

// ioHeld is what the files of a cgroup say of the I/O of its disk.
func ioHeld(t *testing.T, c *Container) string {
	t.Helper()
	var said []string
	for _, file := range []string{"io.max", "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device", "io.weight", "io.bfq.weight", "blkio.bfq.weight"} {
		if text, err := os.ReadFile(filepath.Join(c.cgroup.ioDir(), file)); err == nil {
			said = append(said, file+": "+strings.ReplaceAll(strings.TrimSpace(string(text)), c.cgroup.disks[0].Number, "DISK"))
		}
	}
	return strings.Join(said, "; ")
}

func TestIOLimitsReachTheKernel(t *testing.T) {
	b := newDiskBox(t)
	spec := b.spec("alice", 0)
	spec.Limits.IOBandwidth, spec.Limits.IOWeight = 5<<20, 250
	c := b.start(spec)
	expect := func(when string, l Limits, bandwidth, weight, bfq string) {
		t.Helper()
		must(t, c.CheckLimits(l))
		got := ioHeld(t, c)
		want := []string{"blkio.throttle.read_bps_device: " + bandwidth + ";", "blkio.throttle.write_bps_device: " + bandwidth + ";"}
		if cgroups.IsCgroup2UnifiedMode() {
			_, n, _ := strings.Cut(bandwidth, " ")
			want = []string{"io.max: ;"}
			if n != "" {
				want = []string{"io.max: DISK rbps=" + n + " wbps=" + n + " "}
			}
			want = append(want, "io.weight: default "+weight)
		} else {
			want = append(want, "blkio.bfq.weight: "+bfq)
		}
		for _, w := range want {
			if !strings.Contains(got+";", w) {
				t.Errorf("%s the kernel holds it to %q, want %q", when, got, w)
			}
		}
	}
	expect("from its start on", spec.Limits, "DISK 5242880", "250", "113")
	l := spec.Limits
	l.IOBandwidth, l.IOWeight = 0, 100
	must(t, c.SetLimits(t.Context(), l))
	expect("switched off", l, "", "100", "100")
	if w := c.Warnings(l); slices.ContainsFunc(w, func(s string) bool { return strings.HasPrefix(s, "i/o") }) {
		t.Errorf("warnings of ordinary limits: %q", w)
	}
	l.IOBandwidth, l.IOWeight = 7<<20, 10_000
	must(t, c.SetLimits(t.Context(), l))
	expect("and on again", l, "DISK 7340032", "10000", "1000")
	if w := c.Warnings(l); !cgroups.IsCgroup2UnifiedMode() && !slices.ContainsFunc(w, func(s string) bool {
		return strings.Contains(s, "i/o bandwidth: with cgroup version 1 ") && strings.Contains(s, "without fsync")
	}) {
		t.Errorf("warnings of version 1: %q", w)
	}

	// By another hand: doctor sees it, and the limits set again are right again.
	file := map[bool]string{true: "io.max", false: "blkio.throttle.write_bps_device"}[cgroups.IsCgroup2UnifiedMode()]
	text := map[bool]string{true: " wbps=1048576", false: " 1048576"}[cgroups.IsCgroup2UnifiedMode()]
	must(t, os.WriteFile(filepath.Join(c.cgroup.ioDir(), file), []byte(c.cgroup.disks[0].Number+text), 0))
	if err := c.CheckLimits(l); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%s is another: %v", file, err)
	}
	must(t, c.SetLimits(t.Context(), l))
	expect("set again", l, "DISK 7340032", "10000", "1000")
}

// The least time is certain, however busy the machine: 8 MiB at 2 MiB a second, with a second of grace.
func TestIOBandwidthIsHeld(t *testing.T) {
	b := newDiskBox(t)
	spec := b.spec("alice", 0)
	c := b.start(spec)
	const size = "8388608"
	for _, step := range []struct {
		limit int64
		least time.Duration
	}{{0, 0}, {2 << 20, 3 * time.Second}, {0, 0}} {
		l := spec.Limits
		l.IOBandwidth = step.limit
		must(t, c.SetLimits(t.Context(), l))
		for _, command := range [][]string{{"/probe", "store", "/file", size}, {"/probe", "load", "/file"}} {
			began := time.Now()
			r := run(t, c, "", command...)
			took := time.Since(began)
			if r.status != 0 || took < step.least {
				t.Errorf("%s with a limit of %d took %s, want at least %s: %+v", command[1], step.limit, took, step.least, r)
			}
			t.Logf("%s with a limit of %d: %s", command[1], step.limit, took)
		}
	}
}
