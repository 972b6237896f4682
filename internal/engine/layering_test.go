package engine

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/logis-project/logis/"

// The way down is a straight line: what each package may link of this module, itself left out. Whatever is not named here
// has nothing of the module below it.
func allowed() map[string][]string {
	return map[string][]string{
		"api":                      {},
		"internal/event":           {},
		"internal/linux":           {},
		"internal/probe":           {},
		"internal/sshkey":          {},
		"internal/strict":          {},
		"internal/lxcfs":           {"internal/linux"},
		"internal/near":            {},
		"internal/quantity":        {},
		"internal/site":            {"internal/fault", "internal/near", "internal/quantity", "internal/sshkey"},
		"internal/pool":            {"internal/fault", "internal/linux"},
		"internal/network":         {"internal/fault", "internal/linux"},
		"internal/image":           {"internal/fault", "internal/linux", "internal/quantity", "internal/strict", "images"},
		"internal/route":           {"internal/linux"},
		"internal/require":         {"internal/linux", "internal/quantity"},
		"internal/container":       {"internal/fault", "internal/linux", "internal/container/entry", "internal/guest/control"},
		"internal/container/entry": {"internal/linux"},
		"internal/guest":           {"internal/frame", "internal/guest/control", "internal/linux", "internal/strict"},
		"client":                   {"api", "internal/frame"},
		"cmd/logis":                {"api", "client", "internal/cli", "internal/frame", "internal/near", "internal/quantity", "internal/sshkey"},
		"cmd/logis-probe":          {"internal/probe"},
		"cmd/logis-init":           {"internal/container/entry", "internal/frame", "internal/guest", "internal/guest/control", "internal/linux", "internal/strict"},
	}
}

func TestLayering(t *testing.T) {
	for pkg, may := range allowed() {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+pkg).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", pkg, err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			inside, ours := strings.CutPrefix(dep, module)
			if ours && inside != pkg && !slices.Contains(may, inside) {
				t.Errorf("%s links %s", pkg, inside)
			}
		}
	}
}
