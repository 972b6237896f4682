//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/logis-project/logis/internal/testhost"
)

// sequenceTime bounds TestFaultSequences, unless LOGIS_SEQUENCES gives another duration; then -rapid.checks bounds it too.
const sequenceTime = 90 * time.Second

// TestFaultSequences draws changes to a few sites, each of which may end in an error at one of its steps, in a kill of logisd
// there, or in a kill at any instant. After each of them what is there is what a small model allows, and what should run
// answers; at the end of a sequence everything is destroyed, and the host is as it was.
func TestFaultSequences(t *testing.T) {
	budget := sequenceTime
	if text := os.Getenv("LOGIS_SEQUENCES"); text != "" {
		var err error
		if budget, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	h := newFaultyHouse(t)
	q := &sequences{house: h, tiny: h.tinyImage(t)}
	q.learn(t)
	q.before = h.settled(t)
	deadline, broken, runs, operations := time.Now().Add(budget), false, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		if !broken && time.Now().After(deadline) {
			return
		}
		broken = true // a failed sequence is run again, to make it short, whatever the time
		operations += q.run(drawing{t, rt})
		broken = false
		runs++
	})
	t.Logf("%d sequences of %d operations", runs, operations)
}

// drawing is the test of one sequence: what it says and how it fails are rapid's.
type drawing struct {
	testing.TB
	rt *rapid.T
}

func (d drawing) Error(args ...any)                 { d.rt.Error(args...) }
func (d drawing) Errorf(format string, args ...any) { d.rt.Errorf(format, args...) }
func (d drawing) Fatal(args ...any)                 { d.rt.Fatal(args...) }
func (d drawing) Fatalf(format string, args ...any) { d.rt.Fatalf(format, args...) }
func (d drawing) Log(args ...any)                   { d.rt.Log(args...) }
func (d drawing) Logf(format string, args ...any)   { d.rt.Logf(format, args...) }
func (d drawing) Failed() bool                      { return d.rt.Failed() }

// sequences is what the sequences share: one house, and what is known of the operations.
type sequences struct {
	*house
	tiny   string
	takes  map[string][]string // the steps of each operation
	before testhost.Snapshot
}

var sequenceOps = []string{"create", "start", "stop", "restart", "destroy", "image import", "image remove"}

// args of an operation.
func (q *sequences) args(op, name string) []string {
	switch op {
	case "destroy":
		return []string{op, name, "--force"}
	case "image import":
		return []string{"image", "import", q.tiny}
	case "image remove":
		return []string{"image", "remove", "tiny"}
	}
	return []string{op, name}
}

// learn runs every operation once and notes the steps it takes.
func (q *sequences) learn(t *testing.T) {
	t.Helper()
	q.takes = map[string][]string{}
	for _, op := range []string{"create", "restart", "stop", "start", "destroy", "image import", "image remove"} {
		q.fault(t, "")
		q.logis(t, q.args(op, "alice")...)
		q.takes[op] = q.steps(t)
	}
}

// model is what the sites are held against; a site that is not in it does not exist.
type model map[string]*modelSite

type modelSite struct {
	desired string
	failed  bool // an error has ended its last operation, and nothing has mended it: it is tried again in the background
}

// change is one drawn operation with what happens to it.
type change struct {
	op, name string
	step     string        // where it ends; "" is nowhere
	how      string        // "error" or "kill" at the step, "kill after" a time, or ""
	after    time.Duration // of "kill after"
}

func (c change) String() string {
	text := c.op
	if !c.ofImage() {
		text += " " + c.name
	}
	switch c.how {
	case "kill after":
		text += fmt.Sprintf(", logisd killed after %v", c.after)
	case "error", "kill":
		text += fmt.Sprintf(", %s after %q", c.how, c.step)
	}
	return text
}

func (c change) ofImage() bool { return strings.HasPrefix(c.op, "image ") }

// run draws and makes one sequence, and returns its length.
func (q *sequences) run(t drawing) int {
	q.clean(t)
	m, image := model{}, false
	length := rapid.IntRange(3, 8).Draw(t.rt, "length")
	for range length {
		c := q.draw(t, m)
		t.Logf("%v", c)
		err, fired := q.make(t, c)
		if c.ofImage() {
			image = q.checkImage(t, c, image, err, fired)
		} else {
			q.checkSite(t, m, c, err, fired)
		}
		q.checkAll(t, m)
	}
	q.clean(t)
	q.compare(t, q.before)
	return length
}

// clean takes away what a sequence has made, also one that has failed.
func (q *sequences) clean(t drawing) {
	q.fault(t, "")
	select {
	case <-q.daemon.ended:
		q.daemon.cmd = nil
	default:
	}
	if q.daemon.cmd == nil {
		q.daemon.start(t)
	}
	q.destroyAll(t)
	if q.try("image", "show", "tiny") == nil {
		q.logis(t, "image", "remove", "tiny")
	}
}

func (q *sequences) draw(t drawing, m model) change {
	c := change{
		op:   rapid.SampledFrom(sequenceOps).Draw(t.rt, "operation"),
		name: rapid.SampledFrom([]string{"alice", "bob", "carol"}).Draw(t.rt, "site"),
		how:  rapid.SampledFrom([]string{"", "error", "kill", "kill after"}).Draw(t.rt, "fault"),
	}
	for _, s := range m {
		// What is tried again in the background would take the step.
		if s.failed && (c.how == "error" || c.how == "kill") {
			c.how = ""
		}
	}
	switch c.how {
	case "error", "kill":
		c.step = rapid.SampledFrom(q.takes[c.op]).Draw(t.rt, "step")
	case "kill after":
		c.after = time.Duration(rapid.IntRange(0, 1000).Draw(t.rt, "milliseconds")) * time.Millisecond
	}
	return c
}

// make makes a change, and starts logisd again if it has died. It returns the command's error, an *exec.ExitError, and
// whether the fault has come about.
func (q *sequences) make(t drawing, c change) (err error, fired bool) {
	q.fault(t, "")
	if c.step != "" {
		q.fault(t, c.step+"="+c.how)
	}
	command := q.command(q.args(c.op, c.name)...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	if c.how == "kill after" {
		<-time.After(c.after)
		q.daemon.kill(t)
	}
	err = command.Wait()
	fired = c.how == "kill after" || c.step != "" && slices.Contains(q.steps(t), c.step)
	q.fault(t, "")
	switch {
	case c.how == "kill" && fired:
		q.daemon.died(t)
		q.daemon.start(t)
	case c.how == "kill after":
		q.daemon.start(t)
	}
	return err, fired
}

// exitStatus of a command's error.
func exitStatus(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// checkSite takes over what a change has made of its site, if the model allows it.
func (q *sequences) checkSite(t drawing, m model, c change, err error, fired bool) {
	old := m[c.name]
	if !fired || err == nil {
		if got, want := exitStatus(err), expected(c, old); got != want && !fired {
			t.Fatalf("%v: exit status %d, want %d", c, got, want)
		}
		if err == nil {
			m.apply(c)
		}
		return
	}
	if c.how != "error" { // logisd has started anew, and tries all that should run
		for _, s := range m {
			s.failed = false
		}
	}
	var seen *listed
	for _, s := range q.list(t) {
		if s.Name == c.name {
			seen = &s
		}
	}
	switch {
	case seen == nil && !mayBeGone(c, old):
		t.Fatalf("%v: the site is gone", c)
	case seen == nil:
		delete(m, c.name)
	case !mayStay(c, old):
		t.Fatalf("%v: the site is left, %s", c, seen.State)
	default:
		q.takeOver(t, m, c, old, *seen)
	}
}

// takeOver puts a site as it was found into the model.
func (q *sequences) takeOver(t drawing, m model, c change, old *modelSite, seen listed) {
	wanted := map[string]string{"create": "running", "start": "running", "restart": "running", "stop": "stopped", "destroy": "stopped"}[c.op]
	if seen.Desired != wanted && (old == nil || seen.Desired != old.desired) {
		t.Fatalf("%v: the site should be %s", c, seen.Desired)
	}
	m[c.name] = &modelSite{desired: seen.Desired, failed: c.how == "error"}
	if c.how != "error" {
		return
	}
	// A half-destroyed site can only be destroyed; another may also be left to itself.
	if c.op == "destroy" || rapid.Bool().Draw(t.rt, "mend") {
		q.logis(t, q.args(c.op, c.name)...)
		m.apply(c)
	}
}

// apply does to the model what a change that succeeds does to its site.
func (m model) apply(c change) {
	switch c.op {
	case "destroy":
		delete(m, c.name)
	case "stop":
		m[c.name] = &modelSite{desired: "stopped"}
	default:
		m[c.name] = &modelSite{desired: "running"}
	}
}

// expected is the exit status of a change that nothing disturbs.
func expected(c change, old *modelSite) int {
	switch {
	case c.op == "create" && old != nil:
		return 4
	case c.op != "create" && old == nil:
		return 3
	}
	return 0
}

// mayBeGone says whether a site may not be there after a change that was disturbed and has said that it failed.
func mayBeGone(c change, old *modelSite) bool {
	return old == nil || c.op == "destroy"
}

// mayStay says whether it may be there.
func mayStay(c change, old *modelSite) bool {
	switch c.op {
	case "create": // it is made as a whole or not at all; killed after its last step, it is there
		return old != nil || c.how == "kill after" || c.how == "kill" && c.step == "record: written#2"
	case "destroy": // once begun it goes on to the end
		return old != nil && c.how != "kill"
	}
	return old != nil
}

// checkImage returns whether the image is there after a change to it.
func (q *sequences) checkImage(t drawing, c change, there bool, err error, fired bool) bool {
	now := q.try("image", "show", "tiny") == nil
	imported := c.op == "image import"
	if err == nil && now != imported {
		t.Fatalf("%v has succeeded, and the image is there: %v", c, now)
	}
	if !fired && (err == nil) != (imported || there) {
		t.Fatalf("%v: %v", c, err)
	}
	return now
}

// checkAll waits until all sites are at rest, and holds them against the model.
func (q *sequences) checkAll(t drawing, m model) {
	found := q.list(t)
	for _, s := range found {
		want, ok := m[s.Name]
		switch {
		case !ok:
			t.Fatalf("%s is there, %s", s.Name, s.State)
		case s.Desired != want.desired:
			t.Fatalf("%s should be %s, not %s", s.Name, s.Desired, want.desired)
		case want.failed && s.State == "failed" && s.Error == "":
			t.Fatalf("%s is failed and does not say why", s.Name)
		case !want.failed:
			q.atRest(t, s)
		}
	}
	if len(found) != len(m) {
		t.Fatalf("there are %d sites, not %d: %v", len(found), len(m), found)
	}
}
