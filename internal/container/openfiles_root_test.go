//go:build root

package container

import (
	"fmt"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/linux"
)

// opened is how many files a process of the site could have open, and what it was told that asked for more.
func opened(t *testing.T, c *Container, user string) (n int, more string) {
	t.Helper()
	r := run(t, c, user, "/probe", "openfiles")
	if _, err := fmt.Sscan(r.stdout, &n, &more); err != nil {
		t.Fatalf("openfiles: %v: %+v", err, r)
	}
	return n, more
}

func TestOpenFiles(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Limits.OpenFiles = 300
	first, err := b.runtime.Create(t.Context(), spec)
	must(t, err)
	must(t, first.Start(t.Context()))
	must(t, first.Close())
	c, err := b.runtime.Adopt("alice") // a new logisd knows them too
	must(t, err)
	t.Cleanup(func() { b.end(c) })
	must(t, c.CheckLimits(spec.Limits))
	for _, user := range []string{"", "owner"} {
		if n, more := opened(t, c, user); n < 280 || n > 300 || more != "EPERM" {
			t.Errorf("with a limit of 300 user %q had %d open, and could raise it: %s", user, n, more)
		}
	}
	holds := func(pid int, want uint64) {
		t.Helper()
		if soft, hard, err := linux.OpenFilesLimit(pid); err != nil || soft != want || hard != want {
			t.Errorf("process %d may open %d and %d files, %v; want %d", pid, soft, hard, err, want)
		}
	}
	running, stop := probePID(t, c)
	defer stop()
	modest, stop := probeWaits(t, c, "modest", "100") // a process that took less itself
	defer stop()
	l := spec.Limits
	l.OpenFiles = 256
	must(t, c.SetLimits(t.Context(), l))
	holds(c.PID(), 256)
	holds(running, 256)
	holds(modest, 100)
	if n, _ := opened(t, c, ""); n > 256 {
		t.Errorf("with a limit of 256 there were %d open", n)
	}
	must(t, c.CheckLimits(l))
	if err := c.CheckLimits(spec.Limits); mayRaise() && (err == nil || !strings.Contains(err.Error(), "open files")) {
		t.Errorf("300 wanted and 256 held: %v", err)
	}

	l.OpenFiles = 280
	must(t, c.SetLimits(t.Context(), l))
	holds(modest, 100)
	warned := strings.Contains(fmt.Sprint(c.Warnings(l)), "open files: 256 until the site is started anew")
	if mayRaise() {
		holds(c.PID(), 280)
		holds(running, 280)
	}
	if warned == mayRaise() {
		t.Errorf("logisd may raise limits: %t; the warnings are %q", mayRaise(), c.Warnings(l))
	}
	// By another hand.
	must(t, linux.SetOpenFilesLimit(c.PID(), 200, 200))
	l.OpenFiles = 199
	if err := c.CheckLimits(l); err == nil || !strings.Contains(err.Error(), "the kernel did not take open files: wrote 199, reads 200 and 200") {
		t.Errorf("200 held and 199 wanted: %v", err)
	}
}

// More than the host gives a process is refused, not silently less.
func TestOpenFilesBeyondTheHost(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	host, err := b.runtime.Host()
	must(t, err)
	most := host.OpenFiles
	spec.Limits.OpenFiles = most + 1
	c, err := b.runtime.Create(t.Context(), spec)
	must(t, err)
	if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("this host allows a process %d", most)) {
		t.Errorf("%d open files: %v", most+1, err)
	}
	b.end(c)
}
