//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/testhost"
)

// patience bounds every wait for something that should take a moment.
const patience = 30 * time.Second

// house is the daemons of one test with their configuration, and the other machine.
type house struct {
	bin     string
	dir     string
	daemon  *daemon
	proxy   *daemon
	visitor *testhost.Machine
	standIn bool // debootstrap is a script of the test's
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{bin: required(t, "LOGIS_BIN"), dir: testhost.Dir()}
	if err := os.WriteFile(h.path("logis.toml"), []byte(h.config()), 0o644); err != nil {
		t.Fatal(err)
	}
	h.writeClients(t)
	h.daemon = &daemon{name: "logisd", house: h, ready: func() error { return h.try("list") }}
	h.proxy = &daemon{name: "logis-proxy", house: h, ready: func() error {
		return exec.Command("curl", "-s", "-o", "/dev/null", "http://localhost/").Run()
	}}
	h.daemon.start(t)
	h.proxy.start(t)
	t.Cleanup(func() {
		h.proxy.stop(t)
		h.daemon.stop(t)
	})
	if h.try("image", "show", "lemp") != nil {
		h.logis(t, "image", "import", required(t, "LOGIS_IMAGE"))
	}
	var err error
	if h.visitor, err = testhost.NewMachine(t.Context(), "visitor", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", "visitor").Run() })
	return h
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

func (h *house) config() string {
	return fmt.Sprintf(`instance = %q
state_dir = %q
run_dir = "/run/logis"
first_id = %d
[pool]
size = "8GiB"
[network]
subnet4 = "10.183.0.0/24"
subnet6 = "fd83:6c6f:6769:7465::/64"
[ssh]
ports = "22001-22100"
`, testhost.Instance(), h.path("state"), firstID())
}

// firstID keeps the ids of the boxes that share this machine apart, 2^24 each: doctor tells of processes with ids of sites.
func firstID() uint32 {
	return 2_000_000_000 + uint32(os.Getpid()%120)<<24
}

// writeClients makes the ssh programs that scripts call: the real ones, asking nothing and remembering nobody.
func (h *house) writeClients(t *testing.T) {
	t.Helper()
	config := "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\nBatchMode yes\nIdentitiesOnly yes\n" +
		"ConnectTimeout 10\n"
	files := map[string]string{"ssh_config": config}
	for _, program := range []string{"ssh", "sftp"} {
		files["bin/"+program] = fmt.Sprintf("#!/bin/sh\nexec /usr/bin/%s -F %s \"$@\"\n", program, h.path("ssh_config"))
	}
	if err := os.MkdirAll(h.path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(h.path(name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// command is the command line on this house's socket.
func (h *house) command(args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(h.bin, "logis"), append([]string{"--socket", "/run/logis/logis.sock"}, args...)...)
}

func (h *house) try(args ...string) error { return h.command(args...).Run() }

func (h *house) logis(t testing.TB, args ...string) string {
	t.Helper()
	out, err := h.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("logis %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// take takes a snapshot of the box.
func (h *house) take(t testing.TB) testhost.Snapshot {
	t.Helper()
	opts := testhost.SnapshotOptions{
		Dirs: []string{"/run", h.path("state")}, Files: []string{h.path("state/proxy/routes.json")},
	}
	if exec.Command("mountpoint", "-q", h.path("state/pool")).Run() == nil {
		opts.Pool = h.path("state/pool")
	}
	// A deleted subvolume that a process still uses is waited for.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := testhost.Take(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// settled takes a snapshot once the host has stood still for three of them: what earlier sites left for the kernel to
// free must not count as part of it.
func (h *house) settled(t testing.TB) testhost.Snapshot {
	t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last, same := h.take(t), 0
	for same < 3 {
		<-tick.C
		if now := h.take(t); cmp.Equal(last, now) {
			same++
		} else {
			last, same = now, 0
		}
	}
	return last
}

// compare waits until the box is as it was: the kernel frees network namespaces and quota groups some time after the last user.
func (h *house) compare(t testing.TB, before testhost.Snapshot) {
	t.Helper()
	var diff string
	err := poll(func() error {
		if diff = cmp.Diff(before, h.take(t)); diff != "" {
			return errors.New("the host is not as it was")
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%v (-before +after):\n%s", err, diff)
	}
}

// poll calls try until it returns nil, and returns its last error after patience has run out.
func poll(try func() error) error { return pollWithin(patience, try) }

func pollWithin(patience time.Duration, try func() error) error {
	deadline := time.After(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("after %v: %w", patience, err)
		}
	}
}

// pause waits; it reports whether ctx lives.
func pause(ctx context.Context, length time.Duration) bool {
	select {
	case <-time.After(length):
		return true
	case <-ctx.Done():
		return false
	}
}
