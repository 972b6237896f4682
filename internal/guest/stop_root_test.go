//go:build root

package guest

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/guest/control"
)

// trapping is a service that writes WORD to DIR/order when it is told to stop by SIGNAL.
func trapping(word, signal string, order string) string {
	return `exec = ["/bin/sh", "-c", "trap 'echo ` + word + ` >> DIR/order; exit 0' ` + signal + `; touch DIR/up-` + word +
		`; while :; do sleep 0.05; done"]
stop_signal = "` + signal + `"
stop_order = ` + order + `
ready = {command = ["/bin/true"], path = "DIR/up-` + word + `"}
`
}

func TestStopInOrder(t *testing.T) {
	b := newBox(t, map[string]string{
		"a": trapping("database", "TERM", "1"), "b": trapping("php", "QUIT", "5"), "c": trapping("web", "INT", "9"),
		"stubborn": `exec = ["/bin/sh", "-c", "trap '' TERM; touch DIR/up; while :; do sleep 0.05; done"]
stop_timeout = "200ms"
stop_order = 7
ready = {command = ["/bin/true"], path = "DIR/up"}`,
		"pausing": `exec = ["/bin/false"]`,
	})
	watch := b.request(control.Request{Op: control.OpWatch})
	b.await("four ready", func(s control.Status) bool {
		return find(s, "a").Ready && find(s, "b").Ready && find(s, "c").Ready && find(s, "stubborn").Ready
	})
	session := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{
		"/bin/sh", "-c", "trap 'echo session >> " + b.path("order") + "; exit 9' TERM HUP; echo up; while :; do sleep 0.05; done",
	}}})
	var r result
	collected := make(chan struct{})
	up := make(chan struct{})
	go func() {
		defer close(collected)
		r = collect(t, session, func(string) { close(up) })
	}()
	<-up
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil { // twice is harmless
		t.Fatal(err)
	}
	if code := b.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	<-collected
	if r.Exit != 9 {
		t.Errorf("the session ended with %+v", r)
	}
	if diff := cmp.Diff([]string{"session", "web", "php", "database"}, strings.Fields(b.read("order"))); diff != "" {
		t.Error(diff)
	}
	var last control.Status
	for {
		var s control.Status
		if err := control.Read(watch, &s); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		last = s
	}
	if len(last.Services) != 5 {
		t.Errorf("last status %+v", last)
	}
	for _, s := range last.Services {
		if s.State != stateStopped || s.Ready || s.PID != 0 {
			t.Errorf("last status of %+v", s)
		}
	}
	if log := b.read("log/stubborn.log"); !strings.Contains(log, "did not stop within 200ms: killed") {
		t.Errorf("log of stubborn: %q", log)
	}
}

func TestSessionThatIgnoresTheStopIsKilled(t *testing.T) {
	b := newBox(t, map[string]string{"s": forever})
	b.awaitReady()
	c := b.request(control.Request{Op: control.OpExec, Exec: &control.Exec{Command: []string{
		"/bin/sh", "-c", "trap '' TERM HUP; echo up; while :; do sleep 0.05; done",
	}}})
	up := make(chan struct{})
	exit := make(chan int)
	go func() { exit <- collect(t, c, func(string) { close(up) }).Exit }()
	<-up
	if code := b.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := <-exit; got != 137 {
		t.Errorf("the session ended with %d", got)
	}
}

// What has not answered yet is left alone in the grace of its start, and no longer.
func TestStopWithinTheStart(t *testing.T) {
	b := newBox(t, map[string]string{
		"first": forever + "stop_order = 9",
		"slow": `exec = ["/bin/sh", "-c", "trap 'echo early > DIR/said; exit 1' TERM; touch DIR/began; until test -e DIR/gate; do sleep 0.05; done; trap 'echo late > DIR/said; exit 0' TERM; touch DIR/up; while :; do sleep 0.05; done"]
start_grace = "10m"
ready = {command = ["/bin/true"], path = "DIR/up"}`,
		"never": `exec = ["/bin/sleep", "1000000"]
start_grace = "200ms"
ready = {command = ["/bin/true"], path = "DIR/never"}`,
	})
	b.await("both begun", func(s control.Status) bool { return find(s, "slow").PID != 0 && find(s, "never").PID != 0 })
	b.sh("until test -e " + b.path("began") + "; do sleep 0.01; done")
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s := b.await("the end of those without grace", func(s control.Status) bool {
		return find(s, "first").State == stateStopped && find(s, "never").State == stateStopped
	})
	if got := find(s, "slow"); got.State != stateStarting {
		t.Errorf("before it answers slow is %+v", got)
	}
	b.write("gate", "")
	if code := b.term(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := b.read("said"); got != "late\n" {
		t.Errorf("it was told to stop %q", got)
	}
}
