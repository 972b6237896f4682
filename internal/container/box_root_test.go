//go:build root

package container

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/frame"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/testhost"
)

const idBase = 1_500_000_000

func TestMain(m *testing.M) { testhost.Main(m) }

func initPath() string  { return filepath.Join(testhost.Dir(), "logis-init") }
func probePath() string { return filepath.Join(testhost.Dir(), "probe") }
func triesPath() string { return filepath.Join(testhost.Dir(), "logis-probe") }

// prepared builds the programs, once a run, and gives this process what containers must not inherit from logisd.
var prepared = sync.OnceValue(func() error {
	for path, source := range map[string]string{
		initPath(): "../../cmd/logis-init", probePath(): "./testdata/probe", triesPath(): "../../cmd/logis-probe",
	} {
		build := exec.Command("go", "build", "-o", path, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", source, err, out)
		}
	}
	if err := os.Setenv("LOGIS_TEST_SECRET", "of logisd"); err != nil {
		return err
	}
	syscall.Umask(0o077)
	return os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
})

// box is a host directory with a minimal image, and a Runtime on it.
type box struct {
	testing.TB
	dir     string
	runtime *Runtime
}

func newBox(t testing.TB) *box {
	t.Helper()
	must(t, prepared())
	b := &box{TB: t, dir: filepath.Join(testhost.Dir(), strings.ReplaceAll(t.Name(), "/", "-"))}
	must(t, os.Mkdir(b.dir, 0o711))
	must(t, os.Chmod(b.dir, 0o711))
	t.Cleanup(func() { must(t, os.RemoveAll(b.dir)) })
	b.makeImage()
	before := state(t)
	b.runtime = b.open()
	t.Cleanup(func() {
		must(t, b.runtime.Down())
		if diff := cmp.Diff(before, state(t)); diff != "" {
			t.Errorf("left on the host (-before +after):\n%s", diff)
		}
	})
	return b
}

// open is what a start of logisd does.
func (b *box) open() *Runtime {
	b.Helper()
	r, err := New(Options{
		Instance: testhost.Instance(), RunDir: filepath.Join(b.dir, "run"), StateDir: filepath.Join(b.dir, "state"),
		Init: initPath(), Log: slog.New(slog.DiscardHandler),
	})
	must(b, err)
	return r
}

// state is what a container could leave: mounts, cgroups, processes; descriptors and goroutines of this process.
func state(t testing.TB) any {
	t.Helper()
	snapshot, err := testhost.Take(context.Background(), testhost.SnapshotOptions{}) // also called when the test's context has ended
	must(t, err)
	// Other tests of this machine mount and unmount meanwhile.
	snapshot.Mounts = slices.DeleteFunc(snapshot.Mounts, func(m string) bool {
		return !strings.Contains(m, testhost.Dir()) && !strings.Contains(m, " overlay ")
	})
	snapshot.Processes = nil // "all but descendants"; those below are what PID 1 of the box has adopted, too
	return struct {
		Snapshot  testhost.Snapshot
		Processes []string
		FDs       []string
	}{snapshot, otherProcesses(t), descriptors(t)}
}

// descriptors lists what this process has open, by kind.
func descriptors(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	var open []string
	for _, e := range entries {
		target, _ := os.Readlink("/proc/self/fd/" + e.Name())
		kind, _, _ := strings.Cut(target, ":[")
		if !strings.HasPrefix(kind, "/sys/fs/cgroup") { // held for good by the Go runtime and by the cgroups library
			open = append(open, kind)
		}
	}
	slices.Sort(open)
	return open
}

// otherProcesses lists what runs under the names that containers have; zombies have ended.
func otherProcesses(t testing.TB) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	must(t, err)
	var found []string
	for _, path := range stats {
		data, _ := os.ReadFile(path)
		if s := string(data); strings.Contains(s, ") ") && !strings.Contains(s, ") Z ") && filepath.Dir(path) != fmt.Sprint("/proc/", os.Getpid()) {
			found = append(found, s[:strings.LastIndex(s, ")")+1])
		}
	}
	return found
}

// makeImage lays down a root file system with the probe in it.
func (b *box) makeImage() {
	b.Helper()
	root := b.image()
	for _, dir := range []string{"proc", "sys", "dev", "run", "tmp", "mnt", "etc/logis/services", "var/lib/data", "var/log", "root", "home"} {
		must(b, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	must(b, filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Chmod(path, 0o755)
		}
		return err
	}))
	must(b, os.Chmod(filepath.Join(root, "tmp"), 0o1777))
	b.write(root, "etc/motd", "hello\n")
	b.write(root, "etc/passwd", "root:x:0:0::/root:/probe\nowner:x:1000:1000::/home:/probe\n")
	b.write(root, "etc/group", "root:x:0:\nowner:x:1000:\n")
	must(b, os.Link(probePath(), filepath.Join(root, "probe")))
	must(b, os.Chmod(filepath.Join(root, "probe"), 0o755))
}

func (b *box) image() string { return filepath.Join(b.dir, "image") }

func (b *box) write(root, path, content string) {
	b.Helper()
	must(b, os.WriteFile(filepath.Join(root, path), []byte(content), 0o644))
	must(b, os.Chmod(filepath.Join(root, path), 0o644))
}

// spec makes the disk of a site, the n-th.
func (b *box) spec(name string, n int) Spec {
	b.Helper()
	base := uint32(idBase + n*65536)
	dir := filepath.Join(b.dir, name)
	for _, sub := range []string{"", "upper", "work", "data-lower", "data-upper", "data-work"} {
		path := filepath.Join(dir, sub)
		must(b, os.MkdirAll(path, 0o755))
		must(b, os.Chmod(path, 0o755))
		if sub != "" {
			must(b, os.Chown(path, int(base), int(base)))
		}
	}
	return Spec{
		Name: name, IDBase: base,
		Layers:   Layers{Lower: b.image(), Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work")},
		Resolver: []string{"10.0.0.1"},
		Limits:   Limits{Memory: 64 << 20, Swap: 0, CPUs: 0.5, PIDs: 64},
	}
}

// data is a data volume for the site.
func (b *box) data(spec Spec) Layers {
	dir := filepath.Join(b.dir, spec.Name, "data-")
	return Layers{Lower: dir + "lower", Upper: dir + "upper", Work: dir + "work"}
}

// start creates and starts a container that lives as long as the test.
func (b *box) start(spec Spec) *Container {
	b.Helper()
	c, err := b.runtime.Create(b.Context(), spec)
	must(b, err)
	b.Cleanup(func() { b.end(c) })
	must(b, c.Start(b.Context()))
	return c
}

func (b *box) end(c *Container) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	select {
	case <-c.Done():
	default:
		must(b, c.Kill(ctx))
	}
	must(b, c.Release(ctx))
}

// result of one command in a container.
type result struct {
	stdout, stderr string
	status         int // -1 when PID 1 went away
}

func run(t testing.TB, c *Container, user string, command ...string) result {
	t.Helper()
	r, err := tryRun(t.Context(), c, user, command...)
	must(t, err)
	return r
}

func tryRun(ctx context.Context, c *Container, user string, command ...string) (result, error) {
	return execute(ctx, c, control.Exec{Command: command, User: user}, nil)
}

// execute runs a command, or a program that is handed over.
func execute(ctx context.Context, c *Container, req control.Exec, program []byte) (result, error) {
	req.Program = int64(len(program))
	conn, err := c.Dial(ctx, control.Request{Op: control.OpExec, Exec: &req})
	if err != nil {
		return result{}, err
	}
	defer conn.Close()
	if _, err := conn.Write(program); err != nil {
		return result{}, err
	}
	if len(program) > 0 {
		if err := frame.NewWriter(conn).Write(frame.Stdin, nil); err != nil { // no scene
			return result{}, err
		}
	}
	var stdout, stderr bytes.Buffer
	for {
		kind, payload, err := frame.Read(conn)
		if err != nil {
			return result{stdout.String(), stderr.String(), -1}, nil
		}
		switch kind {
		case frame.Stdout:
			stdout.Write(payload)
		case frame.Stderr, frame.Error:
			stderr.Write(payload)
		case frame.Exit:
			return result{stdout.String(), stderr.String(), int(payload[0])}, nil
		}
	}
}

// probe runs the probe as user and decodes its answer.
func probe[T any](t testing.TB, c *Container, user, mode string) T {
	t.Helper()
	var answer T
	r := run(t, c, user, "/probe", mode)
	if err := json.Unmarshal([]byte(r.stdout), &answer); err != nil {
		t.Fatalf("probe %s: %v: %+v", mode, err, r)
	}
	return answer
}

// probePID starts the probe's wait mode in the container and returns its PID on the host, and what lets go of it.
func probePID(t testing.TB, c *Container) (int, func()) {
	t.Helper()
	return probeWaits(t, c, "wait")
}

// probeWaits starts a mode of the probe that says something and goes on.
func probeWaits(t testing.TB, c *Container, args ...string) (int, func()) {
	t.Helper()
	args = append([]string{"/probe"}, args...)
	conn, err := c.Dial(t.Context(), control.Request{Op: control.OpExec, Exec: &control.Exec{Command: args}})
	must(t, err)
	// It says so when it runs; then its command line is its own.
	must(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	if kind, said, err := frame.Read(conn); err != nil || kind != frame.Stdout {
		t.Fatalf("the probe did not start: %c %q, %v", kind, said, err)
	}
	pids, err := c.cgroup.pids()
	must(t, err)
	for _, pid := range pids {
		if cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); string(cmdline) == strings.Join(args, "\x00")+"\x00" {
			return pid, func() { conn.Close() }
		}
	}
	t.Fatalf("the probe is not among %v", pids)
	return 0, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ended waits for the end of a process that is not a child.
func ended(t testing.TB, pid int) {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		return
	}
	must(t, err)
	defer unix.Close(fd)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
	if err != nil || n != 1 {
		t.Fatalf("process %d goes on: %v", pid, err)
	}
}
