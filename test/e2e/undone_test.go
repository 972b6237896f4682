//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// TestEventsTellWhatIsUndone kills logisd in the middle of a create and of a destroy: the next start says what it has done.
func TestEventsTellWhatIsUndone(t *testing.T) {
	h := newFaultyHouse(t)
	for _, c := range []struct {
		step, tells string
		args        []string
	}{
		{"create: personalised", "logisd ended while it was creating: all of it is gone", []string{"create", "ines"}},
		{"destroy: disk", "logisd ended while it was destroying: all of it is gone", []string{"destroy", "ines", "--force"}},
	} {
		if c.args[0] == "destroy" {
			h.logis(t, "create", "ines", "--no-start")
		}
		h.fault(t, c.step+"=kill")
		if h.try(c.args...) == nil {
			t.Fatalf("logis %s went through a fault after %q", strings.Join(c.args, " "), c.step)
		}
		h.fault(t, "")
		h.daemon.died(t)
		h.daemon.start(t)
		events := strings.Split(h.logis(t, "events", "-n", "4"), "\n")
		if !slices.ContainsFunc(events, func(e string) bool {
			return strings.Contains(e, " ines ") && strings.Contains(e, " site.undone ") && strings.HasSuffix(e, c.tells)
		}) {
			t.Errorf("after a kill at %q the events are\n%s", c.step, strings.Join(events, "\n"))
		}
	}
}
