//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/quantity"
)

// holds SITE LIMIT=VALUE... fails unless the kernel holds a site to these limits: holds alice memory=512MiB cpus=0.5
// A stopped site has its disk and nothing else.
func (h *house) holds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: holds SITE memory|swap|disk|cpus|pids|cpu-weight|io-weight|io-bandwidth|open-files=VALUE...")
	}
	got, err := h.kernelLimits(args[0])
	ts.Check(err)
	for _, a := range args[1:] {
		name, text, _ := strings.Cut(a, "=")
		want, err := strconv.ParseFloat(text, 64)
		if err != nil {
			n, err := quantity.Parse(text)
			ts.Check(err)
			want = float64(n)
		}
		if value, ok := got[name]; !ok || value != want {
			ts.Fatalf("the kernel holds %s to %v, want %s", args[0], got, a)
		}
	}
}

// checkSet fails unless a change of limits that was ended is undone by an error, and wholly done or not at all after a kill.
func (h *house) checkSet(t *testing.T, site, how string) {
	t.Helper()
	if err := h.limitsHold(site); err != nil {
		t.Errorf("the limits of %s (-recorded +held): %v", site, err)
	}
	got, err := h.kernelLimits(site)
	if how == "error" && (err != nil || got["memory"] != 512<<20 || got["disk"] != 2<<30) {
		t.Errorf("after an error the kernel holds %s to %v, %v; want what it had", site, got, err)
	}
}

// limitsHold fails unless the kernel holds a site to what show says.
func (h *house) limitsHold(site string) error {
	out, err := h.command("show", site, "--format", "json").Output()
	if err != nil {
		return fmt.Errorf("show %s: %w", site, err)
	}
	var s struct {
		PID    int
		Limits struct {
			Memory int64 `json:"memory_bytes"`
			Disk   int64 `json:"disk_bytes"`
			CPUs   float64
			PIDs   int64

			CPUWeight   int64 `json:"cpu_weight"`
			IOWeight    int64 `json:"io_weight"`
			IOBandwidth int64 `json:"io_bandwidth_bytes"`
		}
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return err
	}
	want := map[string]float64{"disk": float64(s.Limits.Disk)}
	if s.PID > 0 {
		want["memory"], want["cpus"], want["pids"] = float64(s.Limits.Memory), s.Limits.CPUs, float64(s.Limits.PIDs)
		want["cpu-weight"], want["io-bandwidth"] = float64(s.Limits.CPUWeight), float64(s.Limits.IOBandwidth)
	}
	got, err := h.kernelLimits(site)
	if _, ok := got["io-weight"]; ok { // not every kernel has it
		want["io-weight"] = float64(s.Limits.IOWeight)
	}
	delete(got, "swap")       // not every kernel counts it
	delete(got, "open-files") // not every logisd may raise it
	if d := cmp.Diff(want, got); d != "" && err == nil {
		err = errors.New(d)
	}
	return err
}

// kernelLimits reads what the kernel holds a site to: its quota group, and if it runs its cgroup.
func (h *house) kernelLimits(site string) (map[string]float64, error) {
	out, err := exec.Command("btrfs", "qgroup", "show", "-rF", "--raw", h.path("state/pool/sites/"+site+"/root")).Output()
	if err != nil {
		return nil, fmt.Errorf("read quota groups of %s: %w", site, err)
	}
	limits := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasPrefix(f[0], "1/") {
			if limits["disk"], err = strconv.ParseFloat(f[3], 64); err != nil {
				return nil, err
			}
		}
	}
	dirs, err := h.groups(site)
	for _, dir := range dirs {
		readGroup(dir, limits)
		procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if f := strings.Fields(string(procs)); err == nil && len(f) > 0 && limits["open-files"] == 0 { // PID 1 is the oldest
			pid, _ := strconv.Atoi(f[0])
			var files unix.Rlimit
			if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &files); err != nil {
				return nil, err
			}
			limits["open-files"] = float64(files.Max)
		}
	}
	return limits, err
}

// groups are the directories of a site's cgroup, one for each controller on v1; none if it does not run.
func (h *house) groups(site string) (dirs []string, err error) {
	out, err := h.command("show", site, "--format", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("show %s: %w", site, err)
	}
	var s struct{ PID int }
	if err := json.Unmarshal(out, &s); err != nil || s.PID == 0 {
		return nil, err
	}
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", s.PID))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(groups)) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for controller := range strings.SplitSeq(f[1], ",") {
			dirs = append(dirs, filepath.Join("/sys/fs/cgroup", controller, f[2]))
		}
	}
	return dirs, nil
}

// readGroup adds what the limit files of one directory say, of cgroup v1 or v2.
func readGroup(dir string, limits map[string]float64) {
	number := func(file string, field int) (float64, bool) {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if f := strings.Fields(string(data)); err == nil && field < len(f) {
			n, err := strconv.ParseFloat(f[field], 64)
			return n, err == nil
		}
		return 0, false
	}
	for name, files := range map[string][]string{
		"memory": {"memory.limit_in_bytes", "memory.max"}, "swap": {"memory.swap.max"}, "pids": {"pids.max"},
	} {
		for _, file := range files {
			if n, ok := number(file, 0); ok {
				limits[name] = n
			}
		}
	}
	if quota, ok := number("cpu.cfs_quota_us", 0); ok {
		limits["cpus"] = quota / 100_000
	}
	if quota, ok := number("cpu.max", 0); ok {
		limits["cpus"] = quota / 100_000
	}
	if shares, ok := number("cpu.shares", 0); ok {
		limits["cpu-weight"] = math.Round(shares * 100 / 1024)
	}
	if weight, ok := number("cpu.weight", 0); ok {
		limits["cpu-weight"] = weight
	}
	for file, field := range map[string]int{"blkio.bfq.weight": 0, "io.weight": 1} { // up to 100 bfq's are the same
		if weight, ok := number(file, field); ok {
			limits["io-weight"] = weight
		}
	}
	for _, file := range []string{"blkio.throttle.write_bps_device", "io.max"} {
		if data, err := os.ReadFile(filepath.Join(dir, file)); err == nil { // of one disk, or none
			text := strings.ReplaceAll(string(data), "wbps=", "")
			if f := strings.Fields(text); len(f) == 2 {
				limits["io-bandwidth"], _ = strconv.ParseFloat(f[1], 64)
			} else if len(f) > 2 {
				limits["io-bandwidth"], _ = strconv.ParseFloat(f[2], 64)
			} else {
				limits["io-bandwidth"] = 0
			}
		}
	}
	both, v1 := number("memory.memsw.limit_in_bytes", 0)
	if memory, ok := number("memory.limit_in_bytes", 0); v1 && ok {
		limits["swap"] = both - memory
	}
}
