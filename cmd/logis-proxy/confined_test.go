package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// probe puts a program of the test's in place of the one that lies on disk, with this mode of testdata/prober.
func (d *daemon) probe(mode string) {
	d.t.Helper()
	built := filepath.Join(d.dir, "prober")
	build := exec.CommandContext(d.t.Context(), "go", "build", "-ldflags", "-X main.mode="+mode, "-o", built, "./testdata/prober")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		d.t.Fatalf("%v: %s", err, out)
	}
	d.upgrade(built)
}

// startConfined starts a daemon that serves nobody yet.
func startConfined(t *testing.T) (d *daemon, addr string) {
	t.Helper()
	d = newDaemon(t)
	world := filepath.Join(d.dir, "world") // that the proxy's user could write
	if err := os.Mkdir(world, 0o777); err == nil {
		err = os.Chmod(world, 0o777)
		if err != nil {
			t.Fatal(err)
		}
	}
	socket := d.listen("127.0.0.1:0")
	addr = socket.Addr().String()
	d.configure(fmt.Sprintf("[proxy]\nhttp = [%q]", addr))
	d.start("http", socket)
	socket.Close()
	return d, addr
}

// TestConfined takes the place of the running proxy's successor, and tries from there what must not work.
func TestConfined(t *testing.T) {
	d, addr := startConfined(t)
	version := regexp.MustCompile(`msg=confined landlock=(\d+)`).FindStringSubmatch(d.log.String())
	if version == nil {
		t.Fatalf("it does not say that it is confined: %s", d.log.String())
	}
	abi, _ := strconv.Atoi(version[1])
	d.poll("the routes are kept", func() bool { // the successor reads them
		_, err := os.Stat(filepath.Join(d.dir, "state/proxy/pid"))
		return err == nil
	})
	first := d.pid()
	d.probe("try")
	if err := syscall.Kill(first, syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	d.poll("all has been tried", func() bool { return strings.Contains(d.log.String(), "attempts end\n") })
	tried := 0
	for line := range strings.Lines(d.log.String()) {
		what, got, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(line, "attempt "), "\n"), ": ")
		if !ok || !strings.HasPrefix(line, "attempt ") {
			continue
		}
		tried++
		want := "EPERM" // by the filter
		switch first, _, _ := strings.Cut(what, " "); first {
		case "may":
			want = "<nil>"
		case "read", "list", "write", "link", "rename", "make", "execute":
			if want = "EACCES"; abi == 0 { // by landlock
				want = got
			}
			switch what {
			case "link out of its state", "make a link", "make a fifo", "read another's memory":
				want = "EPERM"
			case "rename out of its state":
				if got == "EXDEV" { // landlock's other word for it
					want = got
				}
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	if tried < 55 {
		t.Errorf("%d attempts: %s", tried, d.log.String())
	}
	d.answers(addr)
	if d.pid() != first {
		t.Errorf("another process serves: %d, not %d", d.pid(), first)
	}
}

// TestConfinedThreads: every thread is behind the filter, also those of before.
func TestConfinedThreads(t *testing.T) {
	d, _ := startConfined(t)
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.pid()))
	if err != nil || len(tasks) < 2 {
		t.Fatalf("threads %q, %v", tasks, err)
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "\nSeccomp:\t2\n") || !strings.Contains(string(data), "\nNoNewPrivs:\t1\n") {
			t.Errorf("%s: %s", task, data)
		}
	}
}

// TestManyReplacements: the layers of landlock are bounded to 16, and a filter is never taken off again.
func TestManyReplacements(t *testing.T) {
	if testing.Short() {
		t.Skip("24 processes, one after the other")
	}
	d, addr := startConfined(t)
	for range 24 {
		d.replace()
	}
	d.answers(addr)
	log := d.log.String()
	if n := strings.Count(log, "msg=confined landlock="); n != 1 {
		t.Errorf("%d processes put up a fence: %s", n, log)
	}
	if n := strings.Count(log, `msg=confined by="the predecessor"`); n != 24 {
		t.Errorf("%d processes found a fence: %s", n, log)
	}
	if os.Getuid() == 0 {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.pid()))
		if err != nil || !strings.Contains(string(data), "\nSeccomp_filters:\t"+ownFilters(t)+"\n") {
			t.Errorf("filters of the last one: %v %s", err, data)
		}
	}
}

// ownFilters is how many filters a fenced process has: one more than this one, which a container runtime may have put some around.
func ownFilters(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\nSeccomp_filters:\t")
	n, _ := strconv.Atoi(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	return strconv.Itoa(n + 1)
}
