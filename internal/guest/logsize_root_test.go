//go:build root

package guest

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

func (b *box) tune(size int64) int64 {
	b.t.Helper()
	c := b.request(control.Request{Op: control.OpTune, Tune: &control.Tune{LogBytes: size}})
	defer c.Close()
	var got control.Tune
	if err := control.Read(c, &got); err != nil {
		b.t.Fatal(err)
	}
	return got.LogBytes
}

// onDisk fails unless the log and its predecessor are no larger than half of size each, and nothing else is there.
func (b *box) onDisk(when string, size int64) {
	b.t.Helper()
	entries, err := os.ReadDir(b.path("log"))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil || fi.Size() > size/2 || !slices.Contains([]string{"s.log", "s.log.1"}, e.Name()) {
			b.t.Errorf("%s: %s has %d bytes, %v; half of the log's size is %d", when, e.Name(), fi.Size(), err, size/2)
		}
	}
}

// A log is cut to a smaller size at once, and its last lines are kept; from then on it is no larger, also where a flood of
// empty lines becomes many times as much by their stamps.
func TestLogSize(t *testing.T) {
	b := newBox(t, map[string]string{
		"s": `exec = ["/bin/sh", "-c", "mkfifo DIR/in; exec 3<>DIR/in; touch DIR/made; while read x <&3; do $x; echo done $x; done; exit 1"]
ready = {command = ["/bin/true"], path = "DIR/made"}
`,
	})
	b.awaitReady()
	b.write("blank", "yes '' | head -n 100000\n")
	does := func(command string) {
		t.Helper()
		b.write("in", command+"\n")
		for !slices.Equal(b.logs(control.Logs{Service: "s", Lines: 1}), []string{"s: done " + command}) {
			<-time.After(5 * time.Millisecond)
		}
	}
	does("seq 60000")
	does("seq 40000")
	b.onDisk("at first", defaultLogSize)
	if fi, err := os.Stat(b.path("log/s.log.1")); err != nil || fi.Size() < defaultLogSize/4 {
		t.Fatalf("too little was logged: %v, %v", fi, err)
	}
	if got := b.tune(128 << 10); got != 128<<10 {
		t.Errorf("tuned to 128 KiB PID 1 says %d", got)
	}
	b.onDisk("cut", 128<<10)
	lines := b.logs(control.Logs{Service: "s", Lines: 1000})
	if n := len(lines); n < 500 || lines[n-1] != "s: done seq 40000" || lines[n-2] != "s: 40000" {
		t.Errorf("of the log are left %d lines, the last are %q", n, lines[max(0, n-2):])
	}
	if fi, err := os.Stat(b.path("log/s.log.1")); err != nil || fi.Mode() != 0o640 {
		t.Errorf("mode of the log that was cut: %v, %v", fi, err)
	}
	does("seq 5000")
	b.onDisk("written on", 128<<10)
	does("sh " + b.path("blank"))
	b.onDisk("after empty lines", 128<<10)
	if got := b.tune(1); got != 128<<10 {
		t.Errorf("tuned to one byte PID 1 says %d", got)
	}
	if got := b.tune(8 << 20); got != 8<<20 {
		t.Errorf("tuned to 8 MiB PID 1 says %d", got)
	}
	does("seq 40000")
	if fi, err := os.Stat(b.path("log/s.log")); err != nil || fi.Size() <= defaultLogSize/2 {
		t.Errorf("a larger size is not used: %v, %v", fi, err)
	}
}
