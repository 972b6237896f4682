//go:build vm

package vm

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// memory: a process of an owner takes all there is. It is counted and named, though only root with CAP_SYSLOG reads the kernel's
// log here; the site and its neighbours go on.
func memory(t *testing.T, h *house) {
	sites, err := h.sites()
	if err != nil {
		t.Fatal(err)
	}
	// The first to be killed, so that the database is not.
	if out, err := h.inside(sites["alice"], "", "echo 1000 >/proc/self/oom_score_adj; exec tail /dev/zero"); err == nil {
		t.Errorf("all memory was not enough: %q", out)
	}
	err = poll(time.Minute, func() error {
		events := h.m.run(t, "logis events --lines 1000 --format json")
		for line := range strings.Lines(events) {
			if strings.Contains(line, `"site.oom"`) && strings.Contains(line, `"alice"`) && strings.Contains(line, "killed tail (process ") {
				say(t, "%s", strings.TrimSpace(line))
				return nil
			}
		}
		return fmt.Errorf("no event names the process:\n%s", events)
	})
	if err != nil {
		t.Fatal(err)
	}
	if sites, err = h.sites(); err != nil {
		t.Fatal(err)
	}
	u := sites["alice"].Usage
	if u.OOMKills != 1 || u.LastOOMKill == nil || u.LastOOMKill.Process != "tail" || sites["bob"].Usage.OOMKills != 0 {
		t.Errorf("alice: %+v, last %+v; bob: %+v", u, u.LastOOMKill, sites["bob"].Usage)
	}
	say(t, "%s", h.m.run(t, "logis stats"))
	h.checkServed(t)
}
