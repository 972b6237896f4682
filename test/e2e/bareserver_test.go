//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/testhost"
)

// ownLayer are the directories of the host that a bare server writes to: it has a layer of its own over each.
var ownLayer = []string{"/etc", "/usr", "/root", "/var/lib", "/var/cache", "/var/log", "/var/backups"}

// bareServer is a host in a box without logis, on which the package can be installed: what dpkg and the guides write stays
// in the box. It has a way to the Internet.
type bareServer struct {
	*house
	t   *testing.T
	env []string
}

func newBareServer(t *testing.T) *bareServer {
	t.Helper()
	// A directory of its own: that of the houses has the configuration, the image and the ports of tests before.
	s := &bareServer{house: &house{bin: required(t, "LOGIS_BIN"), dir: filepath.Join(testhost.Dir(), "bare")}, t: t}
	for _, dir := range ownLayer {
		if err := s.layer(dir); err != nil {
			t.Fatalf("put a layer over %s: %v", dir, err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
	}
	remove, err := testhost.Uplink(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	if s.visitor, err = testhost.NewMachine(t.Context(), "visitor", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.visitor.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s.furnish()
	s.serveSystemctl()
	s.daemon = &daemon{name: "logisd", house: s.house, dir: "/usr/sbin", ready: func() error { return s.try("list") }}
	s.proxy = &daemon{name: "logis-proxy", house: s.house, dir: "/usr/sbin", ready: func() error {
		return exec.Command("curl", "-s", "-o", "/dev/null", "http://localhost/").Run()
	}}
	t.Cleanup(func() {
		s.proxy.stop(t)
		s.daemon.stop(t)
	})
	return s
}

// layer lays an overlay of this run over a directory of the host.
func (s *bareServer) layer(dir string) error {
	upper, work := s.path("layer"+dir), s.path("work"+dir)
	for _, d := range []string{upper, work} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if info, err := os.Stat(dir); err != nil || os.Chmod(upper, info.Mode().Perm()) != nil {
		return fmt.Errorf("modes of %s: %w", dir, err)
	}
	return unix.Mount("overlay", dir, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, upper, work))
}

// furnish takes away what another logis left on the real host, finishes what dpkg has begun there, and gives the server and
// the laptops names.
func (s *bareServer) furnish() {
	stale, _ := filepath.Glob("/usr/local/*/logis*")
	for _, path := range append(stale, "/etc/logis", "/var/lib/logis") {
		if err := os.RemoveAll(path); err != nil {
			s.t.Fatal(err)
		}
	}
	s.put("/etc/hosts", 0o644, "127.0.0.1 localhost\n::1 localhost\n%s server.example.org anna.example.org ben.example.org "+
		"carol.example.org www.ben-bakes.example\n", s.visitor.Host4)
	s.put("/etc/ssh/ssh_config.d/test.conf", 0o644, "StrictHostKeyChecking accept-new\nLogLevel ERROR\nConnectTimeout 10\n")
	s.put("/usr/local/bin/systemctl", 0o755, "#!/bin/sh\n# Stands in for systemd: the daemons are the test's.\n"+
		"exec curl -fsS --unix-socket %s http://test/ --data-urlencode \"command=$*\"\n", s.path("systemctl.sock"))
	// An installation that goes on on the real host at this moment would be a broken one in the layer.
	_ = exec.Command("dpkg", "--configure", "-a").Run()
	s.env = []string{
		"HOME=/root", "USER=root", "LOGNAME=root", "LANG=C.UTF-8", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	}
}

func (s *bareServer) put(path string, mode os.FileMode, format string, args ...any) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), mode); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		s.t.Fatal(err)
	}
}

// installed follows an installation of the package: it gives the instance what keeps it apart from the other boxes on this
// machine, and starts the daemons as systemd would.
func (s *bareServer) installed(t *testing.T) error {
	const file = "/etc/logis/logis.toml"
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	state := s.path("state")
	own := strings.NewReplacer(
		`#instance = "logis"`, fmt.Sprintf("instance = %q", testhost.Instance()),
		`#state_dir = "/var/lib/logis"`, fmt.Sprintf("state_dir = %q", state), // where a run that died is swept
		"#first_id = 1000000000", fmt.Sprintf("first_id = %d", firstID()),
		`#subnet4 = "10.83.0.0/16"`, `subnet4 = "10.183.0.0/24"`,
	).Replace(string(text))
	if err := os.WriteFile(file, []byte(own), 0o644); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(state, 0o711), os.Symlink(state, "/var/lib/logis"), os.Symlink(file, s.path("logis.toml"))); err != nil {
		return err
	}
	s.daemon.start(t)
	s.proxy.start(t)
	return nil
}

// serveSystemctl does what the stand-in for systemctl is asked for.
func (s *bareServer) serveSystemctl() {
	l, err := net.Listen("unix", s.path("systemctl.sock"))
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.systemctl(r.FormValue("command")); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})}
	go func() { _ = server.Serve(l) }() // until Close
	s.t.Cleanup(func() { _ = server.Close() })
}

// systemctl knows what the guides use of it.
func (s *bareServer) systemctl(command string) error {
	words := strings.Fields(command)
	if len(words) < 2 {
		return fmt.Errorf("the stand-in for systemctl does not know %q", command)
	}
	for _, unit := range words[1:] {
		d := map[string]*daemon{"logis": s.daemon, "logis-proxy": s.proxy}[unit]
		if d == nil {
			return fmt.Errorf("the stand-in for systemctl does not know the unit %q", unit)
		}
		switch words[0] {
		case "restart":
			d.stop(s.t)
			d.start(s.t)
		case "start":
			d.start(s.t)
		case "stop":
			d.stop(s.t)
		default:
			return fmt.Errorf("the stand-in for systemctl does not know %q", words[0])
		}
	}
	return nil
}

// show reads `logis show NAME`.
func (s *bareServer) show(name string, into any) error {
	out, err := s.command("show", name, "--format", "json").Output()
	if err != nil {
		return fmt.Errorf("show %s: %w", name, err)
	}
	return json.Unmarshal(out, into)
}
