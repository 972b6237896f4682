package container

import (
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"
)

// without is the cgroup of a kernel that lacks a controller.
type without struct {
	cgroups.Manager
	controller string
}

func (w without) Path(controller string) string {
	if controller == w.controller || w.controller == "" {
		return ""
	}
	return "/nonexistent/" + controller
}

// A limit whose controller is missing is an error that says so, and with it no site starts.
func TestMissingController(t *testing.T) {
	for controller, what := range map[string]string{"memory": "memory.", "cpu": "cpu.", "pids": "pids.max"} {
		c := &cgroup{manager: without{controller: controller}}
		var said []string
		l := Limits{Memory: 64 << 20, CPUs: 1, PIDs: 64}
		for _, e := range expectations(c.enforceable(l), false) {
			if err := c.holds(e); err != nil && e.controller == controller {
				said = append(said, err.Error())
			}
		}
		if text := strings.Join(said, "\n"); !strings.Contains(text, "this kernel cannot enforce "+what) ||
			!strings.Contains(text, "it has no cgroup controller "+controller) {
			t.Errorf("without %s: %q", controller, said)
		}
		if err := c.verify(c.enforceable(l)); err == nil {
			t.Errorf("without %s the limits are taken", controller)
		}
	}
}
