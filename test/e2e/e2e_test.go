//go:build e2e

// Package e2e runs the scripts in scripts/ against the built binaries, in a host in a box with a pool of its own and
// another machine on a cable. The scripts read like a manual; README.md beside them lists the commands they have beyond
// testscript's own. `test/run e2e -run TestScripts/ssh` runs one of them.
package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/logis-project/logis/internal/testhost"
)

func TestMain(m *testing.M) { testhost.Main(m) }

// TestScripts runs the scripts one after another on one pair of daemons: some of them stop these, and some compare the
// whole host before and after.
func TestScripts(t *testing.T) {
	h := newHouse(t)
	testscript.RunT(serial{t}, testscript.Params{
		Dir:                 "scripts",
		Setup:               h.setup,
		Cmds:                h.commands(),
		RequireExplicitExec: true,
	})
}

// TestDaemonTakesTheHostDown ends the run: with no site running, logisd takes all that it made down with it.
func TestDaemonTakesTheHostDown(t *testing.T) {
	h := newHouse(t)
	h.proxy.stop(t)
	h.daemon.stop(t)
	before := h.take(t)
	if len(before.Rules) > 0 || len(before.Cgroups) > 0 || len(before.Loops) > 0 {
		t.Errorf("without a daemon there are\nrules %q\ncgroups %q\nloop devices %q", before.Rules, before.Cgroups, before.Loops)
	}
	h.daemon.start(t)
	h.proxy.start(t)
	h.logis(t, "list")
	h.proxy.stop(t)
	h.daemon.stop(t)
	h.compare(t, before)
}

// serial makes the scripts subtests that run in the order of their names.
type serial struct{ *testing.T }

func (s serial) Parallel()     {}
func (s serial) Verbose() bool { return testing.Verbose() }
func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}

func required(t testing.TB, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: these tests run by `make test`, or test/run e2e", name)
	}
	v, err := filepath.Abs(v)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
