//go:build root

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/logis-project/logis/internal/testhost"
)

func TestMain(m *testing.M) { testhost.Main(m) }

// setup is a configuration in a directory of its own, and the binaries.
type setup struct {
	bin, dir, instance string
	run, state         string
	net                byte // of subnets of its own
}

func newSetup(t *testing.T, instance string) setup {
	t.Helper()
	s := setup{bin: filepath.Join(testhost.Dir(), "bin"), instance: instance}
	dir, err := os.MkdirTemp(testhost.Dir(), "")
	if err != nil {
		t.Fatal(err)
	}
	s.dir, s.run, s.state = dir, filepath.Join(dir, "run"), filepath.Join(dir, "state")
	build := exec.Command("go", "build", "-o", s.bin+"/", ".", "../logis-init", "../logis-probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s
}

// command runs logisd, for no longer than it takes to see that it hangs.
func (s setup) command(t *testing.T) *exec.Cmd {
	t.Helper()
	config := fmt.Sprintf("instance = %q\nstate_dir = %q\nrun_dir = %q\n[pool]\nsize = \"1GiB\"\n[network]\nsubnet4 = \"10.184.%d.0/24\"\n"+
		"subnet6 = \"fd83:6c6f:%d::/64\"\n", s.instance, s.state, s.run, s.net, s.net)
	path := filepath.Join(s.dir, "logis.toml")
	if err := os.WriteFile(path, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, filepath.Join(s.bin, "logisd"), "--config", path)
}

// refused runs logisd and expects it to end with status 1 and one line of its own that says so.
func (s setup) refused(t *testing.T, says string) {
	t.Helper()
	var stderr strings.Builder
	cmd := s.command(t)
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("got %v, want exit status 1", err)
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "logisd: ") || !strings.Contains(last, says) {
		t.Errorf("got %q, want a last line with %q", stderr.String(), says)
	}
}

// down fails the test if something of the setup is left on the host.
func (s setup) down(t *testing.T) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), s.dir) {
		t.Errorf("a mount is left:\n%s", mounts)
	}
	if out, err := exec.Command("losetup", "-j", filepath.Join(s.state, "pool.img")).Output(); err != nil || len(out) > 0 {
		t.Errorf("loop device left: %v %s", err, out)
	}
	if _, err := net.InterfaceByName(s.instance + "0"); err == nil {
		t.Error("the bridge is left")
	}
	for _, path := range []string{"/run/logis-" + s.instance + ".lock", s.run + "/proxy.sock"} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// After Boot, too, an error ends logisd, at once and with its bridge and pool taken down.
func TestSocketTaken(t *testing.T) {
	s := newSetup(t, testhost.Instance())
	mkdir(t, s.run+"/logis.sock/kept")
	s.refused(t, "open API socket")
	s.down(t)
}

func TestFailedOpenIsUndone(t *testing.T) {
	s := newSetup(t, testhost.Instance())
	mkdir(t, s.state)
	if err := os.WriteFile(s.state+"/bin", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.refused(t, "logis-init")
	s.down(t)
}

func TestLongRunDir(t *testing.T) {
	s := newSetup(t, testhost.Instance())
	s.run = filepath.Join(s.dir, strings.Repeat("r", 56-len(s.dir)))
	s.refused(t, "run_dir")
	if left, err := os.ReadDir(s.dir); err != nil || len(left) != 1 {
		t.Errorf("got %v, %v: want the configuration alone", left, err)
	}
}

// A second daemon touches nothing of the first, whatever the two share.
func TestSecondDaemon(t *testing.T) {
	s := newSetup(t, testhost.Instance())
	first := s.command(t)
	stderr, err := first.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	log := make(chan string, 1)
	serving := make(chan struct{})
	go follow(stderr, serving, log)
	select {
	case <-serving:
	case text := <-log:
		t.Fatalf("does not serve: %s", text)
	}
	holder := fmt.Sprintf("as process %d", first.Process.Pid)

	same := newSetup(t, testhost.Instance())
	same.refused(t, "instance "+s.instance+" "+holder)
	if left, err := os.ReadDir(same.dir); err != nil || len(left) != 1 {
		t.Errorf("got %v, %v: want the configuration alone", left, err)
	}
	for what, other := range map[string]setup{
		"run_dir":   {bin: s.bin, dir: same.dir, instance: "other", run: s.run, state: same.dir + "/state", net: 1},
		"state_dir": {bin: s.bin, dir: same.dir, instance: "other", run: same.dir + "/run", state: s.state, net: 1},
	} {
		other.refused(t, what)
		other.refused(t, holder)
	}
	if _, err := os.Lstat("/run/logis-other.lock"); err == nil {
		t.Error("the lock of a refused daemon is left")
	}

	// A second instance that shares addresses with the first is told where to change that, and leaves nothing behind.
	second := setup{bin: s.bin, dir: filepath.Join(same.dir, "second"), instance: "second"}
	mkdir(t, second.dir)
	second.run, second.state = second.dir+"/run", second.dir+"/state"
	second.refused(t, second.dir+"/logis.toml:8: network.subnet6: IPv6 subnet of sites: fd83:6c6f::/64 overlaps fd83:6c6f::/64, which leads to "+s.instance+"0: set")
	if left, err := os.ReadDir(second.dir); err != nil || len(left) != 1 {
		t.Errorf("got %v, %v: want the configuration alone", left, err)
	}

	conn, err := net.Dial("unix", s.run+"/logis.sock")
	if err != nil {
		t.Fatalf("the first is disturbed: %v", err)
	}
	conn.Close()
	if err := first.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	text := <-log
	if err := first.Wait(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	s.down(t)
}

// follow reads what logisd logs, tells when it serves, and hands over all when it has ended.
func follow(r io.Reader, serving chan<- struct{}, log chan<- string) {
	var text strings.Builder
	buf := make([]byte, 4096)
	for said := false; ; {
		n, err := r.Read(buf)
		text.Write(buf[:n])
		if !said && strings.Contains(text.String(), "msg=serving") {
			said = true
			close(serving)
		}
		if err != nil {
			log <- text.String()
			return
		}
	}
}
