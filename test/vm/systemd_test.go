//go:build vm

package vm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// units are what systemd and the kernel say of the daemons and the sites.
func units(t *testing.T, h *house) {
	say(t, "%s", h.m.run(t, "systemd-analyze security --no-pager --threshold=20 logis-proxy.service | tail -n 1"))
	if failed := h.m.run(t, "systemctl list-units --failed --plain --no-legend"); failed != "" {
		t.Errorf("units have failed:\n%s", failed)
	}
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		limits := sites[name].Limits
		group := h.property(t, "logis-"+name+".scope", "ControlGroup")
		want := strings.Join([]string{
			"/logis.slice/logis-" + name + ".scope", fmt.Sprint(limits.MemoryBytes), fmt.Sprint(limits.SwapBytes),
			fmt.Sprintf("%.0f 100000", limits.CPUs*100000), fmt.Sprint(limits.PIDs), "logis-init",
		}, "\n")
		got := group + "\n" + h.m.run(t, fmt.Sprintf(
			"cd /sys/fs/cgroup%s && cat memory.max memory.swap.max cpu.max pids.max && cat /proc/%d/comm && grep -q '^0::%[1]s' /proc/%[2]d/cgroup",
			group, sites[name].PID))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the scope of %s (-want +got):\n%s", name, diff)
		}
		say(t, "%s: %s", name, strings.ReplaceAll(got, "\n", ", "))
	}
}

// diskLimits: bandwidth and weight of the disk are in the kernel, also after systemd has read its units anew, and go again.
func diskLimits(t *testing.T, h *house) {
	group := "/sys/fs/cgroup" + h.property(t, "logis-alice.scope", "ControlGroup")
	held := func() string { return h.m.run(t, "cat "+group+"/cpu.weight "+group+"/io.weight "+group+"/io.max") }
	h.m.run(t, "logis set alice --io-bandwidth 9MiB --io-weight 250 --cpu-weight 50")
	want := []string{"50", "default 250", "rbps=9437184 wbps=9437184"}
	for _, when := range []string{"set", "after a reload of systemd"} {
		got := held()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: alice is held to %q, want %q", when, got, w)
			}
		}
		h.m.run(t, "systemctl daemon-reload")
	}
	h.m.run(t, "logis set alice --io-bandwidth off --io-weight 100 --cpu-weight 100")
	if got := held(); strings.Contains(got, "bps=") || !strings.Contains(got, "default 100") {
		t.Errorf("switched off: alice is held to %q", got)
	}
}

// firewall: an admin restarts nftables.service, which flushes every table. The sites are reached as before.
func firewall(t *testing.T, h *house) {
	h.m.run(t, "systemctl restart nftables.service")
	begin := time.Now()
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	if err := poll(time.Minute, func() error { _, err := h.inside(sites["alice"], "", "true"); return err }); err != nil {
		t.Fatal(err)
	}
	say(t, "the owner of alice can log in after %v", time.Since(begin).Round(time.Second))
	h.checkServed(t)
	h.m.run(t, "nft delete table inet filter") // of Debian's own nftables.conf: purge is to find none
}

// clock: it is set back by a year and logisd starts anew. It still knows its sites.
func clock(t *testing.T, h *house) {
	before := h.processes(t)
	h.m.run(t, "date --set @$(($(date +%s) - 365 * 86400))")
	defer h.m.run(t, "date --set @$(($(date +%s) + 365 * 86400))")
	h.m.run(t, "systemctl restart logis.service")
	after := h.processes(t)
	if diff := cmp.Diff(before.sites, after.sites); diff != "" {
		t.Errorf("with the clock set back, a restart of logis changed the sites (-before +after):\n%s", diff)
	}
	h.checkServed(t)
	say(t, "in %s all sites are as they were", h.m.run(t, "date +%Y"))
}

// property asks systemd for a property of a unit.
func (h *house) property(t *testing.T, unit, name string) string {
	t.Helper()
	return h.m.run(t, fmt.Sprintf("systemctl show --value --property %s %s", name, unit))
}
