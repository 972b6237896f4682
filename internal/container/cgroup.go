package container

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"github.com/opencontainers/cgroups/systemd"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// Limits of a container. What the kernel cannot enforce here is an error, or a warning where the site is safe without.
type Limits struct {
	Memory int64   // bytes
	Swap   int64   // bytes on top of Memory
	CPUs   float64 // processors: 0.5 is half of one; counted in hundredths
	PIDs   int64   // tasks

	CPUWeight   int64 // share of the processors, 1 to 10000; 0 is not set
	IOWeight    int64 // share of the disks, 1 to 10000; 0 is not set
	IOBandwidth int64 // bytes a second from each disk of the pool, and to each; 0 is none
	OpenFiles   int64 // of each process; 0 is the host's
	LogSize     int64 // bytes on disk of each service's log; 0 is as PID 1 has it
}

const cpuPeriod = 100_000 // microseconds, the kernel's default (cgroups(7), cpu.cfs_period_us)

// cgroup is the control group of one container, v1 or v2, a systemd scope where systemd is PID 1.
type cgroup struct {
	manager cgroups.Manager
	scope   string       // "" where systemd is not PID 1
	disks   []linux.Disk // whose I/O is bounded
}

// newCgroup names the cgroup and makes nothing yet.
func (r *Runtime) newCgroup(name string, l Limits) (*cgroup, error) {
	instance := r.opts.Instance
	config := &cgroups.Cgroup{Resources: l.resources()}
	if systemd.IsRunningSystemd() {
		config.Systemd = true
		config.Parent, config.ScopePrefix, config.Name = instance+".slice", instance, name
		config.SystemdProps = scopeProperties(name)
	} else {
		config.Path = filepath.Join("/", instance, name)
	}
	m, err := manager.New(config)
	if err != nil {
		return nil, fmt.Errorf("name cgroup of %s: %w", name, err)
	}
	return &cgroup{manager: m, scope: scopeName(instance, name), disks: r.opts.Disks}, nil
}

// scopeProperties order the scope of a site against the rest of the host: at shutdown systemd would otherwise end its
// processes after its network and its disk are gone, or while the service that stops the sites in order is about to.
func scopeProperties(name string) []dbus.Property {
	return []dbus.Property{
		dbus.PropDescription("logis: the site " + name),
		dbus.PropAfter("local-fs.target", "network.target"),
		dbus.PropBefore("logis-sites.service"), // the unit's name, whatever the instance's
	}
}

func (l Limits) resources() *cgroups.Resources {
	r := &cgroups.Resources{
		Memory: l.Memory, MemorySwap: l.Memory + l.Swap, PidsLimit: &l.PIDs,
		// systemd rounds to hundredths of a processor, and so the limit reads back as something else if we do not.
		CpuPeriod: cpuPeriod, CpuQuota: int64(math.Round(l.CPUs*100)) * (cpuPeriod / 100),
		// A user namespace cannot make device nodes, and /dev holds harmless ones only.
		SkipDevices: true,
	}
	if l.CPUWeight != 0 {
		// The kernel's own way from one to the other (sched_weight_from_cgroup): 100 of v2 is 1024 of v1.
		r.CpuWeight, r.CpuShares = uint64(l.CPUWeight), uint64((l.CPUWeight*1024+50)/100)
	}
	return r
}

// join makes the cgroup and moves the process into it.
func (c *cgroup) join(pid int) error {
	if err := c.manager.Apply(pid); err != nil {
		return fmt.Errorf("join cgroup: %w", err)
	}
	return nil
}

// set writes the limits and reads them back. What this kernel cannot enforce though the site is safe without is left out: see
// warnings.
func (c *cgroup) set(l Limits) error {
	if err := c.write(c.enforceable(l), l); err != nil {
		return err
	}
	return c.setIO(l)
}

// enforceable leaves out what this kernel cannot enforce.
func (c *cgroup) enforceable(l Limits) *cgroups.Resources {
	r := l.resources()
	if !c.countsSwap() {
		r.MemorySwap = 0
	}
	return r
}

// warnings name what of l this host does not enforce, though the site is safe without.
func (c *cgroup) warnings(l Limits) []string {
	var out []string
	if !c.countsSwap() {
		out = append(out, "swap limit: this kernel does not count swap by cgroup")
	}
	return append(out, c.ioWarnings(l)...)
}

func (c *cgroup) write(r *cgroups.Resources, l Limits) error {
	if l.Swap == 0 && r.MemorySwap != 0 && cgroups.IsCgroup2UnifiedMode() {
		// Told to systemd by this way only: otherwise its next reload of units takes the limit away.
		r.Unified = map[string]string{"memory.swap.max": "0"}
	}
	if err := c.manager.Set(r); err != nil {
		return fmt.Errorf("set limits: %w", err)
	}
	return c.verify(r)
}

func (c *cgroup) countsSwap() bool {
	name := "memory.memsw.limit_in_bytes"
	if cgroups.IsCgroup2UnifiedMode() {
		name = "memory.swap.max"
	}
	_, err := os.Stat(filepath.Join(c.manager.Path("memory"), name))
	return err == nil
}

// expectation is one limit file and the value it must hold.
type expectation struct{ controller, file, want string }

// taken tells whether the kernel took the limit when its file reads got.
func (e expectation) taken(got string) bool {
	return got == e.want || strings.HasPrefix(e.file, "memory.") && samePages(got, e.want)
}

// verify reads every limit back: one that the kernel rounded is fine, one that it ignored is not.
func (c *cgroup) verify(r *cgroups.Resources) error {
	for _, e := range expectations(r, cgroups.IsCgroup2UnifiedMode()) {
		if err := c.holds(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *cgroup) holds(e expectation) error {
	dir := c.manager.Path(e.controller)
	if dir == "" {
		return fmt.Errorf("this kernel cannot enforce %s: it has no cgroup controller %s", e.file, e.controller)
	}
	data, err := os.ReadFile(filepath.Join(dir, e.file))
	if err != nil {
		return fmt.Errorf("this kernel cannot enforce %s: %w", e.file, err)
	}
	if got := strings.TrimSpace(string(data)); !e.taken(got) {
		return fmt.Errorf("the kernel did not take %s: wrote %s, reads %s", e.file, e.want, got)
	}
	return nil
}

func expectations(r *cgroups.Resources, unified bool) []expectation {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	if unified {
		out := []expectation{
			{"", "memory.max", number(r.Memory)},
			{"", "cpu.max", number(r.CpuQuota) + " " + number(int64(r.CpuPeriod))},
			{"", "pids.max", number(*r.PidsLimit)},
		}
		if r.CpuWeight != 0 {
			out = append(out, expectation{"", "cpu.weight", number(int64(r.CpuWeight))})
		}
		if r.MemorySwap != 0 {
			out = append(out, expectation{"", "memory.swap.max", number(r.MemorySwap - r.Memory)})
		}
		return out
	}
	out := []expectation{
		{"memory", "memory.limit_in_bytes", number(r.Memory)},
		{"cpu", "cpu.cfs_quota_us", number(r.CpuQuota)},
		{"cpu", "cpu.cfs_period_us", number(int64(r.CpuPeriod))},
		{"pids", "pids.max", number(*r.PidsLimit)},
	}
	if r.CpuShares != 0 {
		out = append(out, expectation{"cpu", "cpu.shares", number(int64(r.CpuShares))})
	}
	if r.MemorySwap != 0 {
		out = append(out, expectation{"memory", "memory.memsw.limit_in_bytes", number(r.MemorySwap)})
	}
	return out
}

// samePages tells whether two byte counts differ by less than a page: the kernel rounds down to pages.
func samePages(a, b string) bool {
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	page := int64(os.Getpagesize())
	return err1 == nil && err2 == nil && x/page == y/page && x >= page
}

// remove deletes the cgroup; its processes must have ended. It is idempotent.
func (c *cgroup) remove() error {
	if err := c.manager.Destroy(); err != nil {
		return fmt.Errorf("remove cgroup: %w", err)
	}
	return nil
}

// pids lists the processes in the cgroup; none when it does not exist.
func (c *cgroup) pids() ([]int, error) {
	// Not the manager's GetAllPids: it looks at the device controller, which need not be there.
	return pidsIn(c.manager.Path("pids"))
}

// pidsIn lists the processes in and below the directory of a cgroup; none when it does not exist.
func pidsIn(path string) ([]int, error) {
	list, err := cgroups.GetAllPids(path)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, nil // ENODEV: it went between open and read; systemd removes a scope as soon as it is empty
	}
	if err != nil {
		return nil, fmt.Errorf("list cgroup: %w", err)
	}
	return list, nil
}

// ensureParent makes the instance's own cgroup, below which its containers' lie; removeParent takes it away once it is
// empty. systemd makes a slice by itself, and keeps it.
func ensureParent(instance string) error {
	if systemd.IsRunningSystemd() {
		return nil
	}
	parent, err := manager.New(&cgroups.Cgroup{Path: "/" + instance, Resources: &cgroups.Resources{SkipDevices: true}})
	if err != nil {
		return fmt.Errorf("name cgroup %s: %w", instance, err)
	}
	if err := parent.Apply(-1); err != nil {
		return fmt.Errorf("make cgroup %s: %w", instance, err)
	}
	return nil
}

// parentSlice is the slice that the slice of the instance lies in: that of "a-b" is a.slice (systemd.slice(5)).
func parentSlice(instance string) string {
	if i := strings.LastIndexByte(instance, '-'); i > 0 {
		return instance[:i] + ".slice"
	}
	return "-.slice"
}

func removeParent(instance string) error {
	config := &cgroups.Cgroup{Resources: &cgroups.Resources{SkipDevices: true}}
	if systemd.IsRunningSystemd() {
		config.Systemd = true
		config.Parent, config.Name = parentSlice(instance), instance+".slice"
	} else {
		config.Path = "/" + instance
	}
	parent, err := manager.New(config)
	if err != nil {
		return fmt.Errorf("name cgroup %s: %w", instance, err)
	}
	pids, err := (&cgroup{manager: parent}).pids()
	if err != nil {
		return fmt.Errorf("remove cgroup %s: %w", instance, err)
	}
	if len(pids) > 0 { // systemd would stop what runs in a slice
		return fmt.Errorf("remove cgroup %s: %d processes run in it", instance, len(pids))
	}
	if err := parent.Destroy(); err != nil {
		return fmt.Errorf("remove cgroup %s: %w", instance, err)
	}
	return nil
}

// empty kills what is left in the cgroup and waits until it is gone. After the end of PID 1 nothing is, but for a process
// that a crash left between clone and the start of PID 1.
func (c *cgroup) empty(ctx context.Context) error { return linux.KillAll(ctx, c.pids) }
