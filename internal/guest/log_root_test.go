//go:build root

package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/guest/control"
)

func (b *box) logs(req control.Logs) []string {
	b.t.Helper()
	c := b.request(control.Request{Op: control.OpLogs, Logs: &req})
	defer c.Close()
	var lines []string
	for {
		var l control.LogLine
		if err := control.Read(c, &l); errors.Is(err, io.EOF) {
			return lines
		} else if err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, l.Service+": "+l.Text)
	}
}

func TestLogsOfServices(t *testing.T) {
	speaker := func(name string) string {
		return `exec = ["/bin/sh", "-c", "echo ` + name + ` one; echo ` + name + ` two >&2; touch DIR/said-` + name + `; while :; do if read x < DIR/` + name + `; then echo $x; fi; done"]
ready = {command = ["/bin/true"], path = "DIR/said-` + name + `"}
`
	}
	b := newBox(t, map[string]string{
		"first":  `exec = ["/bin/sh", "-c", "mkfifo DIR/a DIR/b; touch DIR/made; exec sleep 1000000"]` + "\n" + `ready = {command = ["/bin/true"], path = "DIR/made"}`,
		"a":      speaker("a") + `needs = ["first"]`,
		"b":      speaker("b") + `needs = ["a"]`,
		"silent": forever,
	})
	b.awaitReady()
	if diff := cmp.Diff([]string{"a: a two", "b: b one", "b: b two"}, b.logs(control.Logs{Lines: 3})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a: a two"}, b.logs(control.Logs{Service: "a", Lines: 1})); diff != "" {
		t.Error(diff)
	}
	if got := b.logs(control.Logs{Service: "../passwd", Lines: 10}); len(got) > 0 {
		t.Errorf("lines of no service: %q", got)
	}
	c := b.request(control.Request{Op: control.OpLogs, Logs: &control.Logs{Lines: 1, Follow: true}})
	for _, want := range []string{"b two", "three", "four"} {
		var l control.LogLine
		if err := control.Read(c, &l); err != nil || l.Text != want || l.Time == "" {
			t.Fatalf("got %+v, %v, want %q", l, err, want)
		}
		switch want { // the next line, each from another service
		case "b two":
			b.write("a", "three\n")
		case "three":
			b.write("b", "four\n")
		}
	}
	fi, err := os.Stat(b.path("log/a.log"))
	if err != nil || fi.Mode() != 0o640 {
		t.Errorf("mode of the log: %v, %v", fi.Mode(), err)
	}
}

func TestLogIsBoundedAndOutlivesRotation(t *testing.T) {
	b := newBox(t, map[string]string{
		"loud": `exec = ["/bin/sh", "-c", "seq -f '%.0f xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' 60000; head -c 100000 /dev/zero | tr '\\0' y; echo; echo last; touch DIR/said; exec sleep 1000000"]
ready = {command = ["/bin/grep", "-q", "last", "DIR/log/loud.log"], path = "DIR/said"}
`,
	})
	b.awaitReady()
	for _, name := range []string{"log/loud.log", "log/loud.log.1"} {
		if fi, err := os.Stat(b.path(name)); err != nil || fi.Size() > defaultLogSize/2 {
			t.Errorf("%s: %d bytes, %v", name, fi.Size(), err)
		}
	}
	lines := b.logs(control.Logs{Service: "loud", Lines: 12000})
	if len(lines) != maxLogLines {
		t.Fatalf("%d lines", len(lines))
	}
	if got := lines[len(lines)-2]; len(got) != len("loud: ")+maxLine {
		t.Errorf("the long line has %d bytes", len(got))
	}
	if !strings.HasPrefix(lines[0], fmt.Sprintf("loud: %d xx", 60000-maxLogLines+3)) || lines[len(lines)-1] != "loud: last" {
		t.Errorf("lines %q … %q", lines[0], lines[len(lines)-1])
	}
}

// A full disk costs lines and nothing else; when the owner has made room, the log says how many.
func TestLogOnAFullDisk(t *testing.T) {
	b := newBox(t, map[string]string{
		"s": `exec = ["/bin/sh", "-c", "mkfifo DIR/in; exec 3<>DIR/in; touch DIR/made; while read x <&3; do $x; done; exit 1"]
ready = {command = ["/bin/true"], path = "DIR/made"}
`,
	}, smallLogs)
	pid := b.awaitReady().Services[0].PID
	// Most of it is taken by something that can be deleted later, the rest by the log.
	log, fill := b.path("log/s.log"), b.path("log/fill")
	b.sh("head -c 200000 /dev/zero > " + fill)
	b.write("in", "seq 100000\n") // more than a pipe holds: it would block if PID 1 did
	b.write("in", "touch "+b.path("alive")+"\n")
	if r := b.sh("for i in $(seq 1000); do test -e " + b.path("alive") + " && exit 0; sleep 0.01; done; exit 1"); r.Exit != 0 {
		t.Fatal("the service is blocked")
	}
	// The pipe still holds thousands of lines of seq; written with their stamps they would fill the disk anew.
	drained := make(chan struct{})
	c := b.request(control.Request{Op: control.OpLogs, Logs: &control.Logs{Lines: 1, Follow: true}})
	go func() {
		defer close(drained)
		for l := (control.LogLine{}); l.Text != "drained" && control.Read(c, &l) == nil; {
		}
	}()
	for waiting := true; waiting; {
		b.write("in", "echo drained\n") // again: a follower that does not keep up misses lines
		select {
		case <-drained:
			waiting = false
		case <-time.After(10 * time.Millisecond):
		}
	}
	if r := b.sh("rm " + fill + "; grep -vc '^20' " + log); r.Stdout != "0\n" {
		t.Errorf("the full log has half lines: %+v", r)
	}
	says := func(word string) []string {
		t.Helper()
		b.write("in", "echo "+word+"\n")
		c := b.request(control.Request{Op: control.OpLogs, Logs: &control.Logs{Lines: 1, Follow: true}})
		for l := (control.LogLine{}); l.Text != word; {
			if err := control.Read(c, &l); err != nil {
				t.Fatal(err)
			}
		}
		return b.logs(control.Logs{Service: "s", Lines: maxLogLines})
	}
	got := says("back")
	if got[len(got)-1] != "s: back" || !slices.ContainsFunc(got, func(l string) bool {
		return strings.HasSuffix(l, "lines were dropped: the disk was full")
	}) {
		t.Errorf("the log after the full disk ends %q", got[max(0, len(got)-3):])
	}
	b.sh("rm " + log) // the bytes of a deleted log must not stay in use
	if diff := cmp.Diff([]string{"s: again"}, says("again")); diff != "" {
		t.Error(diff)
	}
	if s := b.awaitReady().Services[0]; s.PID != pid || s.Restarts != 0 {
		t.Errorf("the service did not survive: %+v", s)
	}
}
