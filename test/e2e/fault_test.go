//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// faultCase is one operation, whose every step is made to fail and to be the last that logisd takes.
type faultCase struct {
	name   string
	before []prior // what has to be there first
	args   []string
	after  map[string]bool // whether the site may be there at the end, by what was done: "error", "kill"
	done   string          // the step from which on a kill leaves the operation done
	loose  bool            // logisd may be faster than the command, and take the steps by itself
}

// prior is a command that comes before the operation; with a fault it fails.
type prior struct {
	args  []string
	fault string
}

func faultCases(tiny string) []faultCase {
	made := prior{args: []string{"create", "alice", "--no-start"}}
	runs := prior{args: []string{"create", "alice"}}
	failed := prior{args: []string{"start", "alice"}, fault: "start: network=error"}
	halfMade := prior{args: runs.args, fault: "start: network=error\ndisconnect: link=error"}
	may := map[string]bool{"error": true, "kill": true}
	mayAfterError := map[string]bool{"error": true}
	destroy := []string{"destroy", "alice", "--force"}
	return []faultCase{
		{name: "create", args: runs.args, done: "record: written#2"},
		{name: "create without start", args: made.args, done: "record: written#2"},
		{name: "start", before: []prior{made}, args: []string{"start", "alice"}, after: may},
		{name: "start after a failed start", before: []prior{made, failed}, args: []string{"start", "alice"}, after: may, loose: true},
		{name: "stop", before: []prior{runs}, args: []string{"stop", "alice"}, after: may},
		{name: "restart", before: []prior{runs}, args: []string{"restart", "alice"}, after: may},
		{name: "set", before: []prior{runs}, args: []string{
			"set", "alice", "--memory", "256MiB", "--disk", "1GiB", "--cpu-weight", "50", "--io-weight", "60", "--io-bandwidth", "9MiB", "--log-size", "1MiB",
		}, after: may},
		{name: "sites down", before: []prior{runs}, args: []string{"sites", "down"}, after: may, loose: true},
		{name: "sites up", before: []prior{runs, {args: []string{"sites", "down"}}}, args: []string{"sites", "up"}, after: may, loose: true},
		{name: "destroy", before: []prior{runs}, args: destroy, after: mayAfterError},
		{name: "destroy of a stopped site", before: []prior{made}, args: destroy, after: mayAfterError},
		{name: "destroy of a half-made site", before: []prior{halfMade}, args: destroy, after: mayAfterError},
		{name: "image import", args: []string{"image", "import", tiny}, done: "image: published"},
		{name: "image remove", before: []prior{{args: []string{"image", "import", tiny}}}, args: []string{"image", "remove", "tiny"}},
		// Last, and without the image of the other operations: the one that is built has its name.
		{name: imageBuild, args: []string{"image", "build", "lemp"}, done: "image: published"},
	}
}

const imageBuild = "image build"

// TestFaults ends every operation at every step, once in an error and once by killing logisd. After the next start what is
// left of it can be named, entered and destroyed, and the host is then as it was.
func TestFaults(t *testing.T) {
	h := newFaultyHouse(t)
	before := h.settled(t)
	for _, c := range append(h.changeCases(t), faultCases(h.tinyImage(t))...) {
		if c.name == imageBuild {
			h.standInForDebootstrap(t)
			h.logis(t, "image", "remove", "lemp")
			before = h.settled(t)
		}
		for _, step := range h.stepsOf(t, c) {
			for _, how := range []string{"error", "kill"} {
				t.Run(c.name+"/"+step+"/"+how, func(t *testing.T) {
					h.prepare(t, c)
					h.breakAt(t, c, step, how)
					h.checkAfter(t, c, step, how)
					h.checkChanged(t, c, how)
					h.restore(t)
					h.compare(t, before)
				})
			}
		}
	}
}

// What is left of a site whose making could not be undone can be destroyed, and nothing else.
func TestHalfMadeSiteIsRefused(t *testing.T) {
	h := newFaultyHouse(t)
	for _, c := range faultCases("") {
		if c.name == "destroy of a half-made site" {
			h.prepare(t, c)
		}
	}
	for _, op := range []string{"start", "stop", "restart"} {
		if status := exitStatus(h.try(op, "alice")); status != 4 {
			t.Errorf("%s of a half-made site: exit status %d", op, status)
		}
	}
	h.logis(t, "destroy", "alice", "--force")
	h.logis(t, "create", "alice", "--no-start")
	h.destroyAll(t)
}

// newFaultyHouse is a house whose logisd has the fault points and has had a site, for what the host keeps from the first one on.
func newFaultyHouse(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.daemon.stop(t)
	h.daemon.dir = h.faultyBinaries(t)
	h.daemon.env = []string{"LOGIS_FAULT=" + h.path("fault"), "LOGIS_FAULT_LOG=" + h.path("steps")}
	h.daemon.start(t)
	h.logis(t, "create", "alice")
	h.destroyAll(t)
	return h
}

// faultyBinaries builds a logisd that has the fault points, beside the house's logis-init.
func (h *house) faultyBinaries(t *testing.T) string {
	t.Helper()
	dir := h.path("faulty")
	build := exec.Command("go", "build", "-buildvcs=false", "-tags", "fault", "-o", dir+"/", "./cmd/logisd", "./cmd/logis-init", "./cmd/logis-probe")
	build.Dir = filepath.Join("..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build with fault points: %v\n%s", err, out)
	}
	return dir
}

// fault says what is to happen at which steps from here on; "" is nothing. What logisd has taken so far is forgotten.
func (h *house) fault(t testing.TB, wanted string) {
	t.Helper()
	for _, name := range []string{"fault", "steps"} {
		if err := os.Remove(h.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if wanted == "" {
		return
	}
	if err := os.WriteFile(h.path("fault"), []byte(wanted), 0o600); err != nil {
		t.Fatal(err)
	}
}

// steps are those that logisd has taken since fault was called, in their order. One that comes again has its number behind
// it: "step#2".
func (h *house) steps(t testing.TB) []string {
	t.Helper()
	data, err := os.ReadFile(h.path("steps"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var steps []string
	times := map[string]int{}
	for step := range strings.Lines(string(data)) {
		step = strings.TrimSpace(step)
		if times[step]++; times[step] > 1 {
			step = fmt.Sprintf("%s#%d", step, times[step])
		}
		steps = append(steps, step)
	}
	return steps
}

// prepare does what has to come before the operation.
func (h *house) prepare(t *testing.T, c faultCase) {
	t.Helper()
	for _, p := range c.before {
		h.fault(t, p.fault)
		if p.fault == "" {
			h.logis(t, p.args...)
		} else if h.try(p.args...) == nil {
			t.Fatalf("logis %s went through %q", strings.Join(p.args, " "), p.fault)
		}
	}
	h.fault(t, "")
}

// stepsOf runs an operation through and returns the steps it took.
func (h *house) stepsOf(t *testing.T, c faultCase) []string {
	t.Helper()
	h.prepare(t, c)
	h.logis(t, c.args...)
	steps := h.steps(t)
	h.restore(t)
	if len(steps) == 0 {
		t.Fatalf("%s took no steps: are the fault points there?", c.name)
	}
	return steps
}

// breakAt runs the operation with the fault in place, and starts logisd again if that ended it.
func (h *house) breakAt(t *testing.T, c faultCase, step, how string) {
	t.Helper()
	h.fault(t, step+"="+how)
	err := h.try(c.args...)
	if err == nil && !c.loose {
		t.Errorf("logis %s went through a fault after %q", strings.Join(c.args, " "), step)
	}
	h.fault(t, "")
	if how == "kill" && err != nil {
		h.daemon.died(t)
		h.daemon.start(t)
	}
}

// listed is what these tests read of `logis list`.
type listed struct {
	Name, State, Desired, Error string
	SSH                         struct{ Port int }
}

func (h *house) list(t testing.TB) []listed {
	t.Helper()
	var sites []listed
	if err := json.Unmarshal([]byte(h.logis(t, "list", "--format", "json")), &sites); err != nil {
		t.Fatalf("list sites: %v", err)
	}
	return sites
}

// checkAfter looks at what the operation left: a site is there only where it may be, in a state of rest, and one that should
// run does.
func (h *house) checkAfter(t *testing.T, c faultCase, step, how string) {
	t.Helper()
	if c.args[0] == "sites" {
		h.logis(t, "sites", "up") // whatever came of it
	}
	stays := c.after[how] || how == "kill" && step == c.done
	sites := h.list(t)
	for _, s := range sites {
		if c.name == "set" {
			h.checkSet(t, s.Name, how)
		}
		switch {
		case !stays:
			t.Errorf("%s is left, in state %s", s.Name, s.State)
		case how == "kill":
			h.atRest(t, s)
		case s.State == "failed" && s.Error == "":
			t.Errorf("%s is failed and does not say why", s.Name)
		case c.args[0] == "destroy": // restore does it again
		case s.Desired == "running":
			h.logis(t, "start", s.Name) // nothing of the failure is in the way
			h.answers(t, s)
		}
	}
	// The name can be used again at once.
	if len(sites) == 0 && c.args[0] == "create" {
		h.logis(t, "create", "alice", "--no-start")
	}
	mayHaveImage := stays || c.name == "image remove" && how == "error"
	if c.args[0] == "image" && !mayHaveImage && h.try("image", "show", c.image()) == nil {
		t.Errorf("the image %s is left", c.image())
	}
}

// image is the name of the image that the operation is about.
func (c faultCase) image() string {
	if c.name == imageBuild {
		return "lemp"
	}
	return "tiny"
}

// atRest waits until a site is what the record says after a start of logisd: running and answering, or stopped.
func (h *house) atRest(t testing.TB, s listed) {
	t.Helper()
	if s.Desired == "running" {
		h.logis(t, "wait", s.Name, "--timeout", "60s")
		h.answers(t, s)
		return
	}
	h.logis(t, "wait", s.Name, "--for", "stopped", "--timeout", "60s")
}

// answers checks that a site's website is served by the proxy, and that the host's port leads to its ssh.
func (h *house) answers(t testing.TB, s listed) {
	t.Helper()
	err := poll(func() error {
		if out, err := exec.Command("curl", "-sSf", "-o", "/dev/null", "-H", "Host: "+s.Name+".localhost", "http://localhost/").
			CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		conn, err := net.DialTimeout("tcp4", fmt.Sprintf("127.0.0.1:%d", s.SSH.Port), time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		banner, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil && !strings.HasPrefix(banner, "SSH-") {
			err = fmt.Errorf("port %d says %q", s.SSH.Port, banner)
		}
		return err
	})
	if err != nil {
		t.Errorf("%s does not answer: %v", s.Name, err)
	}
}

// restore takes the house back to where the operations start from: no site, no image of the operations' own.
func (h *house) restore(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/run/logis/halted"); err == nil {
		h.logis(t, "sites", "up")
	}
	h.destroyAll(t)
	for _, name := range []string{"tiny", "lemp"} {
		if name == "lemp" && !h.standIn {
			continue
		}
		if h.try("image", "show", name) == nil {
			h.logis(t, "image", "remove", name)
		}
	}
}
