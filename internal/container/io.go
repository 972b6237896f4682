package container

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/systemd"

	"github.com/logis-project/logis/internal/linux"
)

// What the kernel shares out and bounds of a disk's I/O. On v1 it knows whose an I/O is only where the process itself waits
// for it: reads, direct writes, fsync. What it writes back later is nobody's. On v2 that is the site's too.
//
// Below the pool's loop file the loop device is the one to bound: the kernel asks at the first device on the way, and the
// loop's worker goes on in the name of the cgroup.

// ioFile is one limit of I/O: a file of the cgroup, what is written, and what it then reads.
type ioFile struct {
	file  string
	write []string // one write(2) each
	holds func(text string) bool
	want  string // as the error names it
}

// bfqWeight turns a weight of 1 to 10000 into one of bfq, 1 to 1000, as systemd does: 100 is ordinary in both.
func bfqWeight(weight int64) int64 {
	if weight <= 100 {
		return weight
	}
	return 100 + (weight-100)*(1000-100)/(10_000-100)
}

// ioFiles are the limits of I/O in l. Weights exist where the kernel has them in dir.
func ioFiles(dir string, l Limits, disks []linux.Disk, unified bool) []ioFile {
	var out []ioFile
	weight := func(file string, n int64) {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil && l.IOWeight != 0 {
			text := strconv.FormatInt(n, 10)
			out = append(out, ioFile{file, []string{text}, func(got string) bool {
				first, _, _ := strings.Cut(got, "\n") // below it are those of single disks
				return strings.TrimPrefix(first, "default ") == text
			}, text})
		}
	}
	if unified {
		weight("io.weight", l.IOWeight)
		weight("io.bfq.weight", bfqWeight(l.IOWeight))
	} else {
		weight("blkio.bfq.weight", bfqWeight(l.IOWeight))
	}
	for _, d := range disks {
		n, none := strconv.FormatInt(l.IOBandwidth, 10), l.IOBandwidth == 0
		if unified {
			if none {
				n = "max"
			}
			limit := "rbps=" + n + " wbps=" + n
			out = append(out, ioFile{"io.max", []string{d.Number + " " + limit}, func(got string) bool {
				line, ok := lineOf(got, d.Number)
				return strings.HasPrefix(line+" ", limit+" ") || none && !ok
			}, d.Number + " " + limit})
			continue
		}
		for _, file := range [...]string{"blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device"} {
			out = append(out, ioFile{file, []string{d.Number + " " + n}, func(got string) bool {
				line, ok := lineOf(got, d.Number)
				return line == n && ok || none && !ok
			}, d.Number + " " + n})
		}
	}
	return out
}

// lineOf is what a file says of a disk: the rest of the line that begins with its number.
func lineOf(text, number string) (rest string, ok bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, number+" "); ok {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

// ioDir is the cgroup's directory of the controller that bounds I/O, "" where this kernel has none.
func (c *cgroup) ioDir() string {
	name, probe := "blkio", "blkio.throttle.read_bps_device"
	if cgroups.IsCgroup2UnifiedMode() {
		name, probe = "io", "io.max"
	}
	dir := c.manager.Path(name)
	if _, err := os.Stat(filepath.Join(dir, probe)); dir == "" || err != nil {
		return ""
	}
	return dir
}

// setIO writes the limits of I/O and reads them back. Where the kernel has none nothing is written: see ioWarnings.
func (c *cgroup) setIO(l Limits) error {
	dir := c.ioDir()
	if dir == "" || c.checkIO(l) == nil {
		return nil
	}
	if err := c.tellSystemd(l); err != nil {
		return err
	}
	for _, f := range ioFiles(dir, l, c.disks, cgroups.IsCgroup2UnifiedMode()) {
		for _, text := range f.write {
			if err := writeOnce(filepath.Join(dir, f.file), text); err != nil {
				return fmt.Errorf("set limits: %w", err)
			}
		}
	}
	return c.checkIO(l)
}

// checkIO reads the limits of I/O back.
func (c *cgroup) checkIO(l Limits) error {
	dir := c.ioDir()
	if dir == "" {
		return nil
	}
	for _, f := range ioFiles(dir, l, c.disks, cgroups.IsCgroup2UnifiedMode()) {
		text, err := os.ReadFile(filepath.Join(dir, f.file))
		if err != nil {
			return fmt.Errorf("this kernel cannot enforce %s: %w", f.file, err)
		}
		if got := strings.TrimSpace(string(text)); !f.holds(got) {
			return fmt.Errorf("the kernel did not take %s: wrote %s, reads %s", f.file, f.want, strings.ReplaceAll(got, "\n", ", "))
		}
	}
	return nil
}

// tellSystemd gives the scope the limits of I/O as properties: its next reload of units would take away what it does not
// know of. On v1 it has no hand in these files.
func (c *cgroup) tellSystemd(l Limits) error {
	if c.scope == "" || !cgroups.IsCgroup2UnifiedMode() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), undoTimeout)
	defer cancel()
	conn, err := dbus.NewSystemConnectionContext(ctx)
	if err != nil {
		return fmt.Errorf("reach systemd: %w", err)
	}
	defer conn.Close()
	if err := conn.SetUnitPropertiesContext(ctx, c.scope, true, ioProperties(l, c.disks)...); err != nil {
		return fmt.Errorf("set limits of %s: %w", c.scope, err)
	}
	return nil
}

// ioProperties are the limits of I/O as systemd.resource-control(5) has them.
func ioProperties(l Limits, disks []linux.Disk) []dbus.Property {
	type bound struct {
		Path  string
		Value uint64
	}
	bounds := []bound{} // an empty list takes away what was there
	for _, d := range disks {
		if l.IOBandwidth != 0 {
			bounds = append(bounds, bound{"/dev/" + strings.ReplaceAll(d.Name, "!", "/"), uint64(l.IOBandwidth)})
		}
	}
	var props []dbus.Property
	if l.IOWeight != 0 {
		props = append(props, dbus.Property{Name: "IOWeight", Value: godbus.MakeVariant(uint64(l.IOWeight))})
	}
	for _, name := range [...]string{"IOReadBandwidthMax", "IOWriteBandwidthMax"} {
		props = append(props, dbus.Property{Name: name, Value: godbus.MakeVariant(bounds)})
	}
	return props
}

// ioWarnings say what of the limits of I/O that were asked for this host does not enforce.
func (c *cgroup) ioWarnings(l Limits) []string {
	var out []string
	if l.IOBandwidth != 0 {
		if why := c.ioBandwidthGap(); why != "" {
			out = append(out, "i/o bandwidth: "+why)
		}
	}
	if l.IOWeight != 0 && l.IOWeight != ordinaryWeight {
		if why := c.ioWeightGap(); why != "" {
			out = append(out, "i/o weight: "+why)
		}
	}
	return out
}

const ordinaryWeight = 100

func (c *cgroup) ioBandwidthGap() string {
	switch {
	case c.ioDir() == "":
		return "this kernel does not bound it by cgroup"
	case len(c.disks) == 0:
		return "the disk that the pool lies on is not known"
	case !cgroups.IsCgroup2UnifiedMode():
		return "with cgroup version 1 the kernel does not bound what is written without fsync"
	}
	return ""
}

func (c *cgroup) ioWeightGap() string {
	dir, bottom := c.ioDir(), []linux.Disk(nil)
	if dir == "" {
		return "this kernel does not share out I/O by cgroup"
	}
	for _, d := range c.disks {
		below, err := d.Bottom()
		if err != nil {
			return "cannot tell: " + err.Error()
		}
		bottom = append(bottom, below...)
	}
	if len(bottom) == 0 {
		return "the disk that the pool lies on is not known"
	}
	for _, d := range bottom {
		if !d.Weighs() {
			return "disk " + d.Name + " is not shared out by weight: see logis doctor"
		}
	}
	if !cgroups.IsCgroup2UnifiedMode() {
		return "with cgroup version 1 the kernel does not share out what is written without fsync"
	}
	return ""
}

// scopeName is the unit that a site's cgroup is, "" where systemd does not run the host.
func scopeName(instance, name string) string {
	if !systemd.IsRunningSystemd() {
		return ""
	}
	return instance + "-" + name + ".scope"
}
