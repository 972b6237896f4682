//go:build root

package pool

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestMain runs the tests in a mount namespace of their own.
func TestMain(m *testing.M) {
	const inside = "LOGIS_POOL_TEST_INSIDE"
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), inside+"=1")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	// With CLONE_NEWNS here, syscall also makes all mounts private.
	self.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := self.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}

// loopOptions are for a pool in a temporary directory.
func loopOptions(t testing.TB) Options {
	t.Helper()
	dir := t.TempDir()
	return Options{
		LoopFile: filepath.Join(dir, "pool.img"), MountPoint: filepath.Join(dir, "pool"), Size: 2 << 30,
		Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	if bytes.Contains(line, []byte("recounting")) {
		w.t.Error("the quota became inconsistent")
	}
	return len(line), nil
}

// open opens a pool, and takes it down at the end of the test.
func open(t testing.TB, o Options) *Pool {
	t.Helper()
	p, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close() // fails where the test closed it
		if err := p.Unmount(deadline(t)); err != nil {
			t.Error(err)
		}
	})
	return p
}

// run runs a program, the second opinion of the tests.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

// state of a pool as the btrfs program sees it: subvolumes, quota groups with limits and relations, files.
func state(t testing.TB, p *Pool) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("subvolumes\n" + run(t, "btrfs", "subvolume", "list", "-ad", p.Dir()))
	b.WriteString(run(t, "btrfs", "subvolume", "list", p.Dir()))
	for line := range strings.Lines(run(t, "btrfs", "qgroup", "show", "-pcre", "--raw", p.Dir())) {
		f := strings.Fields(line)
		if len(f) > 3 { // without referenced and exclusive bytes
			fmt.Fprintln(&b, f[0], f[3:])
		}
	}
	for _, dir := range layout {
		entries, err := os.ReadDir(filepath.Join(p.Dir(), dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			fmt.Fprintln(&b, dir, e.Name())
		}
	}
	return b.String()
}

// sweptTo sweeps a pool and fails unless its state is what it was before.
func sweptTo(t testing.TB, p *Pool, before string) {
	t.Helper()
	if err := p.Sweep(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, state(t, p)); diff != "" {
		t.Errorf("left-overs (-before +after):\n%s", diff)
	}
}

// loops lists the loop devices of a file as losetup sees them.
func loops(t testing.TB, file string) []string {
	t.Helper()
	return strings.Fields(run(t, "losetup", "--noheadings", "--output", "NAME", "--associated", file))
}

// fill appends to a file until it cannot and returns its size; the error must be EDQUOT. The last steps are small.
func fill(t testing.TB, path string) int64 {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	chunk := bytes.Repeat([]byte("logis\n\n\n"), 1<<17)
	for {
		_, err := f.Write(chunk)
		if err == nil {
			err = f.Sync()
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, unix.EDQUOT) {
			t.Fatalf("fill %s: %v", path, err)
		}
		if len(chunk) <= 4096 {
			break
		}
		chunk = chunk[:len(chunk)/4]
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// enableSimple turns simple quotas on, which logis never does itself.
func enableSimple(f *os.File, args *[2]uint64) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), 0xc0109428, uintptr(unsafe.Pointer(args))); errno != 0 {
		return errno
	}
	return nil
}
