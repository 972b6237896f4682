//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"testing"

	"github.com/logis-project/logis/api"
)

// TestProof is `logis doctor --prove`, made by root of a real site with a real neighbour: a test per row. The script prove is
// what an admin sees of it, and what becomes of one that is interrupted.
func TestProof(t *testing.T) {
	h := newHouse(t)
	out, err := h.command("doctor", "--prove", "--format", "json").Output()
	var sum api.Proof
	if jerr := json.Unmarshal(out, &sum); jerr != nil {
		t.Fatalf("%v: %v: %.1000s%s", err, jerr, out, stderrOf(err))
	}
	if err != nil {
		t.Errorf("logis doctor --prove: %v", err)
	}
	if sum.Attempts < 500 || sum.Attempts+sum.Untried > len(sum.Rows) {
		t.Errorf("%d attempts, %d untried, %d rows", sum.Attempts, sum.Untried, len(sum.Rows))
	}
	for _, r := range sum.Rows {
		t.Run(r.Group+": "+r.Attempt, func(t *testing.T) {
			if r.Untried != "" {
				t.Logf("not tried: %s", r.Untried)
			}
			if r.Group == "limits" {
				t.Log(r.Seen) // numbers
			}
			if !r.OK {
				t.Errorf("%s, want one of %q", r.Seen, r.Expected)
			}
		})
	}
}

func stderrOf(err error) string {
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(e.Stderr)
	}
	return ""
}
