//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// faultCase is one operation, whose every step is made to fail and to be the last that logisd takes.
type faultCase struct {
	name   string
	before [][]string // what has to be there first
	args   []string
	after  map[string]bool // whether the site may be there at the end, by what was done: "error", "kill"
}

func faultCases(image string) []faultCase {
	made := []string{"create", "alice", "--no-start"}
	return []faultCase{
		{"create", nil, []string{"create", "alice"}, map[string]bool{}},
		{"create without start", nil, made, map[string]bool{}},
		{"start", [][]string{made}, []string{"start", "alice"}, map[string]bool{"error": true, "kill": true}},
		{"stop", [][]string{{"create", "alice"}}, []string{"stop", "alice"}, map[string]bool{"error": true, "kill": true}},
		{"set", [][]string{{"create", "alice"}}, []string{"set", "alice", "--memory", "256MiB", "--disk", "1GiB"}, map[string]bool{"error": true, "kill": true}},
		{"destroy", [][]string{{"create", "alice"}}, []string{"destroy", "alice", "--force"}, map[string]bool{"error": true}},
		{imageImport, nil, []string{"image", "import", image}, map[string]bool{}},
	}
}

// imageImport is the operation that begins without an image, and comes last.
const imageImport = "image import"

// TestFaults ends every operation at every step, once in an error and once by killing logisd. After the next start what is
// left of it can be named, entered and destroyed, and the host is then as it was.
func TestFaults(t *testing.T) {
	h := newHouse(t)
	image := required(t, "LOGIS_IMAGE")
	h.daemon.stop(t)
	h.daemon.dir = h.faultyBinaries(t)
	fault, steps := h.path("fault"), h.path("steps")
	h.daemon.env = []string{"LOGIS_FAULT=" + fault, "LOGIS_FAULT_LOG=" + steps}
	h.daemon.start(t)
	h.logis(t, "create", "alice") // for what the host keeps from the first site on
	h.destroyAll(t)
	before := h.settled(t)
	for _, c := range faultCases(image) {
		if c.name == imageImport {
			h.logis(t, "image", "remove", "lemp")
			before = h.settled(t)
		}
		for _, step := range h.stepsOf(t, c, steps) {
			for _, how := range []string{"error", "kill"} {
				t.Run(c.name+"/"+step+"/"+how, func(t *testing.T) {
					for _, args := range c.before {
						h.logis(t, args...)
					}
					h.breakAt(t, fault, step, how, c.args)
					h.checkAfter(t, c, how)
					h.restore(t, c)
					h.compare(t, before)
				})
			}
		}
	}
}

// faultyBinaries builds a logisd that has the fault points, beside the house's logis-init.
func (h *house) faultyBinaries(t *testing.T) string {
	t.Helper()
	dir := h.path("faulty")
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", "fault", "-o", dir+"/", "./cmd/logisd", "./cmd/logis-init")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build with fault points: %v\n%s", err, out)
	}
	return dir
}

// stepsOf runs an operation through and returns the steps it took, each once.
func (h *house) stepsOf(t *testing.T, c faultCase, log string) []string {
	t.Helper()
	for _, args := range c.before {
		h.logis(t, args...)
	}
	if err := os.Remove(log); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	h.logis(t, c.args...)
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	h.restore(t, c)
	var steps []string
	for step := range strings.Lines(string(data)) {
		if step = strings.TrimSpace(step); !slices.Contains(steps, step) {
			steps = append(steps, step)
		}
	}
	if len(steps) < 3 {
		t.Fatalf("%s took the steps %q only: are the fault points there?", c.name, steps)
	}
	return steps
}

// breakAt runs the operation with the fault in place, and starts logisd again if that ended it.
func (h *house) breakAt(t *testing.T, file, step, how string, args []string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(step+"="+how), 0o600); err != nil {
		t.Fatal(err)
	}
	err := h.try(args...)
	if rerr := os.Remove(file); rerr != nil {
		t.Fatal(rerr)
	}
	if err == nil {
		t.Errorf("logis %s went through a fault after %q", strings.Join(args, " "), step)
	}
	if how == "kill" {
		h.daemon.died(t)
		h.daemon.start(t)
	}
}

// checkAfter looks at what the operation left: a site is there only where it may be, in a state of rest, and one that should
// run does.
func (h *house) checkAfter(t *testing.T, c faultCase, how string) {
	t.Helper()
	var sites []struct{ Name, State, Desired, Error string }
	list := func() error {
		sites = nil
		return json.Unmarshal([]byte(h.logis(t, "list", "--format", "json")), &sites)
	}
	if err := list(); err != nil {
		t.Fatal(err)
	}
	for _, s := range sites {
		if c.name == "set" {
			h.checkSet(t, s.Name, how)
		}
		switch {
		case !c.after[how]:
			t.Errorf("%s is left, in state %s", s.Name, s.State)
		case how == "kill" && s.Desired == "running":
			h.logis(t, "wait", s.Name, "--timeout", "60s")
		case s.State == "failed" && s.Error == "":
			t.Errorf("%s is failed and does not say why", s.Name)
		case s.State == "failed":
			if s.Desired == "running" {
				h.logis(t, "start", s.Name) // nothing of the failure is in the way
			}
		}
	}
	// The name can be used again at once.
	if len(sites) == 0 && c.args[0] == "create" {
		h.logis(t, "create", "alice", "--no-start")
	}
}

// restore takes the house back to where the operation starts from: no site, and for an import no image.
func (h *house) restore(t *testing.T, c faultCase) {
	t.Helper()
	h.destroyAll(t)
	if c.name == imageImport && h.try("image", "show", "lemp") == nil {
		h.logis(t, "image", "remove", "lemp")
	}
}
