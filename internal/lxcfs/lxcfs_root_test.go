//go:build root

package lxcfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
	"github.com/logis-project/logis/internal/testhost"
)

func TestMain(m *testing.M) { testhost.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hostState is what a server could leave: mounts, cgroups, files of /run, processes.
func hostState(t *testing.T) testhost.Snapshot {
	t.Helper()
	s, err := testhost.Take(context.Background(), testhost.SnapshotOptions{Dirs: []string{"/run"}})
	must(t, err)
	s.Mounts = slices.DeleteFunc(s.Mounts, func(m string) bool { return !strings.Contains(m, "lxcfs") })
	s.Links, s.Rules = nil, nil
	return s
}

func options(t *testing.T) Options {
	return Options{
		Instance: testhost.Instance(), State: filepath.Join(testhost.Dir(), "lxcfs.json"),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// newView returns a View, and sees that nothing is left of it at the end.
func newView(t *testing.T) *View {
	t.Helper()
	before := hostState(t)
	v := New(options(t))
	t.Cleanup(func() {
		for site := range v.users {
			leave(t, v, site)
		}
		if d := cmp.Diff(before, hostState(t)); d != "" {
			t.Errorf("left on the host (-before +after):\n%s", d)
		}
		if _, err := os.Stat(v.opts.State); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the state file is left: %v", err)
		}
	})
	return v
}

// read reads a file of those that Open returned.
func read(t *testing.T, mounts []*os.File, name string) (string, error) {
	t.Helper()
	i := slices.IndexFunc(mounts, func(f *os.File) bool { return f.Name() == name })
	if i < 0 {
		t.Fatalf("no %s among the mounts", name)
	}
	f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", mounts[i].Fd()))
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	return string(data), err
}

func open(t *testing.T, v *View, site string) []*os.File {
	t.Helper()
	mounts, err := v.Open(site)
	must(t, err)
	t.Cleanup(func() { closeAll(mounts) })
	return mounts
}

// leave is Leave and what Watch would do then.
func leave(t testing.TB, v *View, site string) {
	t.Helper()
	v.Leave(site)
	must(t, v.Settle(context.Background()))
}

// An own server shows itself on the host by nothing but its process and its cgroup, and goes with its last site.
func TestOwn(t *testing.T) {
	v := newView(t)
	before := hostState(t)
	mounts := open(t, v, "alice")
	open(t, v, "bob")
	for _, name := range Files() {
		if _, err := read(t, mounts, name); err != nil {
			t.Errorf("read %s: %v", name, err)
		}
	}
	if text, err := read(t, mounts, "proc/meminfo"); err != nil || !strings.HasPrefix(text, "MemTotal:") {
		t.Errorf("meminfo is %q, %v", text, err)
	}
	during := hostState(t)
	if d := cmp.Diff(before.Mounts, during.Mounts); d != "" {
		t.Errorf("mounts of the host (-before +during):\n%s", d)
	}
	if d := cmp.Diff(before.Files, during.Files); d != "" {
		t.Errorf("files in /run (-before +during):\n%s", d)
	}
	leave(t, v, "alice")
	if v.Found() == "" {
		t.Error("the server left with a site that is not the last")
	}
	pid := v.server.pid
	leave(t, v, "bob")
	if v.Found() != "" || unix.Kill(pid, 0) == nil && !zombie(pid) {
		t.Error("the server is there without a site")
	}
}

func zombie(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return bytes.Contains(stat, []byte(") Z "))
}

// The server finds no file of the host's, and has no capability that it does without.
func TestCell(t *testing.T) {
	v := newView(t)
	open(t, v, "alice")
	root := fmt.Sprintf("/proc/%d/root", v.server.pid)
	entries, err := os.ReadDir(root)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains([]string{"bin", "lib", "lib64"}, n) })
	if d := cmp.Diff([]string{"dev", "proc", "run", "sys", "usr", "view"}, names); d != "" {
		t.Errorf("root of the server (-want +got):\n%s", d)
	}
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", v.server.pid))
	must(t, err)
	if bytes.Contains(table, []byte(testhost.Dir())) {
		t.Errorf("the server holds mounts of the host:\n%s", table)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.server.pid))
	must(t, err)
	// dac_override, dac_read_search, kill, setgid, setuid, sys_chroot, sys_ptrace, sys_admin
	if !bytes.Contains(status, []byte("CapEff:\t00000000002c00e6\n")) {
		t.Errorf("capabilities of the server:\n%s", status)
	}
	group, err := newCgroup(v.opts.Instance)
	must(t, err)
	limit, err := os.ReadFile(filepath.Join(group.manager.Path("memory"), memoryFile()))
	must(t, err)
	if got := strings.TrimSpace(string(limit)); got != fmt.Sprint(memory) {
		t.Errorf("the server may take %s bytes, want %d", got, memory)
	}
}

func memoryFile() string {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return "memory.max"
	}
	return "memory.limit_in_bytes"
}

// A logisd that starts goes on with the server of the last, and ends it where there is no site.
func TestTakenOver(t *testing.T) {
	v := newView(t)
	mounts := open(t, v, "alice")
	pid := v.server.pid
	v.Close()
	if _, err := read(t, mounts, "proc/uptime"); err != nil {
		t.Errorf("after logisd's end: %v", err)
	}
	next := New(v.opts)
	next.Keep("alice")
	must(t, next.Settle(t.Context()))
	open(t, next, "bob")
	if next.server.pid != pid {
		t.Errorf("process %d took the place of %d", next.server.pid, pid)
	}
	next.Close()
	last := New(v.opts)
	if last.server == nil || last.server.pid != pid {
		t.Fatal("the server was not taken over")
	}
	must(t, last.Settle(t.Context()))
}

// A logisd that was killed before the server could be found by the next leaves nothing for long.
func TestHalfStarted(t *testing.T) {
	before := hostState(t)
	cmd := exec.Command("sleep", "inf")
	must(t, cmd.Start())
	group, err := newCgroup(testhost.Instance())
	must(t, err)
	must(t, group.join(cmd.Process.Pid))
	go func() { _ = cmd.Wait() }()
	if v := New(options(t)); v.server != nil {
		t.Errorf("taken over was %s", v.Found())
	}
	if d := cmp.Diff(before.Cgroups, hostState(t).Cgroups); d != "" {
		t.Errorf("left on the host (-before +after):\n%s", d)
	}
}

// watch runs Watch until the test ends, and returns what it says.
func watch(t *testing.T, v *View) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	renewed, ended := make(chan string, 16), make(chan struct{})
	go func() {
		defer close(ended)
		v.Watch(ctx, func() { renewed <- v.Device() })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return renewed
}

func await(t *testing.T, renewed <-chan string) string {
	t.Helper()
	select {
	case device := <-renewed:
		return device
	case <-time.After(time.Minute):
		t.Fatal("nothing was renewed")
		return ""
	}
}

// A server that dies is replaced at once, and Watch says that sites want other files.
func TestKilled(t *testing.T) {
	v := newView(t)
	renewed := watch(t, v)
	mounts := open(t, v, "alice")
	first := await(t, renewed)
	must(t, linux.SignalPidfd(v.server.pidfd, unix.SIGKILL))
	second := await(t, renewed)
	if first == second || second == "" {
		t.Errorf("device %q after %q", second, first)
	}
	if _, err := read(t, mounts, "proc/meminfo"); err == nil {
		t.Error("the files of a dead server can be read")
	}
	if _, err := read(t, open(t, v, "alice"), "proc/meminfo"); err != nil {
		t.Error(err)
	}
}

// A server that hangs is replaced, and nobody who asks for files waits for it.
func TestHung(t *testing.T) {
	v := newView(t)
	open(t, v, "alice")
	s := v.server
	must(t, linux.SignalPidfd(s.pidfd, unix.SIGSTOP))
	stopped(t, s.pid)
	closeAll(open(t, v, "bob")) // would hang if it asked
	if err := s.answers(); !errors.Is(err, errHangs) {
		t.Fatalf("a stopped server: %v", err)
	}
	v.ask(s)
	<-s.done
	open(t, v, "alice")
	if v.server == s {
		t.Error("the server that hung is still in use")
	}
}

// stopped waits until all threads of a process have obeyed a SIGSTOP: one that has not could still answer.
func stopped(t *testing.T, pid int) {
	t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		must(t, err)
		runs := slices.DeleteFunc(tasks, func(task string) bool {
			stat, err := os.ReadFile(task)
			return err != nil || bytes.Contains(stat, []byte(") T "))
		})
		if len(runs) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the process does not stop")
		}
	}
}

// mounted waits until an lxcfs serves its files on dir.
func mounted(t *testing.T, dir string) {
	t.Helper()
	tick, deadline := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		if _, err := os.Stat(dir + "/proc/meminfo"); err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("lxcfs does not start")
		}
	}
}

// hostLxcfs starts an lxcfs as the host would, which lives as long as the test.
func hostLxcfs(t *testing.T, args ...string) *os.Process {
	t.Helper()
	dir := filepath.Join(testhost.Dir(), "host-lxcfs")
	must(t, os.MkdirAll(dir, 0o755))
	cmd := exec.Command("lxcfs", slices.Concat([]string{"-f", "--pidfile=" + dir + ".pid"}, args, []string{dir})...)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		must(t, unix.Unmount(dir, unix.MNT_DETACH))
		must(t, os.RemoveAll("/run/lxcfs"))
		must(t, os.Remove(dir+".pid"))
	})
	mounted(t, dir)
	return cmd.Process
}

// The host's lxcfs is used where it tells enough, and never ended.
func TestHost(t *testing.T) {
	v := newView(t)
	for _, c := range []struct {
		name string
		args []string
		used bool
	}{
		{"as Debian starts it", nil, false},
		{"with all that sites need", []string{"-l", "--enable-cfs"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			host := hostLxcfs(t, c.args...)
			mounts := open(t, v, "alice")
			if used := v.server.pid == host.Pid; used != c.used {
				t.Errorf("in use is %s", v.Found())
			}
			if _, err := read(t, mounts, "proc/meminfo"); err != nil {
				t.Error(err)
			}
			leave(t, v, "alice")
			if err := host.Signal(unix.Signal(0)); err != nil {
				t.Errorf("the host's lxcfs after the last site: %v", err)
			}
		})
	}
}

// When the host's lxcfs ends, one of our own takes its place.
func TestHostEnds(t *testing.T) {
	v := newView(t)
	renewed := watch(t, v)
	host := hostLxcfs(t, "-l", "--enable-cfs")
	open(t, v, "alice")
	first := await(t, renewed)
	if v.server.pid != host.Pid {
		t.Fatalf("in use is %s", v.Found())
	}
	must(t, host.Kill())
	if second := await(t, renewed); second == first || !strings.HasPrefix(v.Found(), "logisd's own") {
		t.Errorf("in use is %s, device %s after %s", v.Found(), second, first)
	}
}

// Without the program a site has an error to show, and nothing else.
func TestMissing(t *testing.T) {
	v := newView(t)
	t.Setenv("PATH", "/nonexistent")
	if _, err := v.Open("alice"); !errors.Is(err, ErrNoProgram) {
		t.Errorf("without lxcfs: %v", err)
	}
}
