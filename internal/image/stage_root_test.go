//go:build root

package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A stage has processes, /dev and a host name of its own, and leaves no mount.
func TestStageIsApart(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	var out bytes.Buffer
	s := stage{root: root, where: onHost, env: []string{"ROOT=" + root}}
	err = s.run(t.Context(), &out, "/bin/sh", "-ec", `echo $$; hostname; : >"$ROOT/dev/x"; : >"$ROOT/run/x"; ls /proc | grep -c '^[0-9]'`)
	if err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	lines := strings.Fields(out.String())
	if len(lines) != 3 || lines[0] != "1" || lines[1] != "logis-build" || len(lines[2]) != 1 {
		t.Errorf("inside: %q", lines)
	}
	for _, dir := range []string{"dev", "run"} {
		left, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil || len(left) != 0 {
			t.Errorf("left in the image: %v %v", left, err)
		}
	}
	after, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the host's mounts have changed")
	}
	if name, err := os.Hostname(); err != nil || name == "logis-build" {
		t.Errorf("the host is called %s (%v)", name, err)
	}
}

// With its context a stage ends at once, and everything it has started too, in the background and in other sessions.
func TestStageEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	// Every process that the stage starts holds the pipe; its end is read when all of them are gone.
	done := make(chan error, 1)
	go func() {
		s := stage{root: t.TempDir(), where: onHost}
		done <- s.run(ctx, w, "/bin/sh", "-c", "setsid sh -c 'echo up; exec sleep 60' & sleep 60")
		w.Close()
	}()
	buf := make([]byte, 16)
	if _, err := r.Read(buf); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Read(buf)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("what the stage has started is left: %v", err)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestBuildErrorHasTheLastLines(t *testing.T) {
	b := &build{BuildOptions: BuildOptions{
		Manifest: Manifest{Name: "tiny"}, Log: &bytes.Buffer{}, Report: func(Progress) {},
	}}
	root := t.TempDir()
	step := buildStep{"packages", func(ctx context.Context, out io.Writer) error {
		return stage{root: root, where: onHost}.run(ctx, out, "/bin/sh", "-c", "seq 100; printf 'last\033[1m words'; exit 3")
	}}
	err := b.runStep(t.Context(), step, 1, 1)
	var failed *BuildError
	if !errors.As(err, &failed) {
		t.Fatalf("the error is %v", err)
	}
	if len(failed.Tail) != tailLines || failed.Tail[tailLines-1] != "last [1m words" || failed.Tail[tailLines-2] != "100" {
		t.Errorf("the tail is %q", failed.Tail)
	}
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 3 || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is %v", err)
	}
}

// What a build leaves behind of a site's own, and what the kernel would act on, is not in an image.
func TestScrub(t *testing.T) {
	dir := t.TempDir()
	root := RootFS(dir)
	keep := []string{"bin/ping", "etc/passwd", "usr/share/doc/bash/copyright", "usr/share/locale/en/LC_MESSAGES/a.mo", "var/log/nginx/", "tmp/"}
	drop := []string{
		"etc/ssh/ssh_host_rsa_key", "var/log/dpkg.log", "var/log/nginx/access.log", "var/lib/apt/lists/x", "var/cache/apt/archives/a.deb",
		"usr/share/doc/bash/README", "usr/share/man/man1/bash.1.gz", "usr/share/locale/fr/LC_MESSAGES/a.mo", "etc/passwd-", "tmp/.x", "etc/hostname",
		"root/.bash_history", "debootstrap/debootstrap.log",
	}
	for _, name := range append(slices.Clone(keep), drop...) {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") {
			if err := os.WriteFile(filepath.Join(root, name), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	// cap_net_raw=ep, as setcap(8) stores it.
	capability := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(filepath.Join(root, "bin/ping"), "security.capability", capability, 0); err != nil {
		t.Fatal(err)
	}
	b := &build{BuildOptions: BuildOptions{Dir: dir}, rootfs: root}
	if err := b.scrub(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range keep {
		if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
	for _, name := range drop {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
	if n, err := unix.Getxattr(filepath.Join(root, "bin/ping"), "security.capability", nil); err == nil {
		t.Errorf("a file capability of %d bytes is left", n)
	}
	if id, err := os.ReadFile(filepath.Join(root, "etc/machine-id")); err != nil || len(id) != 0 {
		t.Errorf("machine-id: %q %v", id, err)
	}
}
