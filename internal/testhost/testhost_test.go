//go:build root

package testhost_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/testhost"
)

func TestMain(m *testing.M) { testhost.Main(m) }

func TestBoxIsAHostOfItsOwn(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	if diff := cmp.Diff([]string{"lo"}, names); diff != "" {
		t.Errorf("links of a fresh box (-want +got):\n%s", diff)
	}
	if entries, err := os.ReadDir("/run"); err != nil || len(entries) != 0 {
		t.Errorf("/run holds %v, %v", entries, err)
	}
	if shown, err := os.ReadDir("/sys/class/net"); err != nil || len(shown) != 1 {
		t.Errorf("/sys/class/net holds %v, %v", shown, err)
	}
	if cgroups, err := os.ReadDir("/sys/fs/cgroup"); err != nil || len(cgroups) == 0 {
		t.Errorf("/sys/fs/cgroup holds %v, %v", cgroups, err)
	}
	if out, err := exec.Command("id", "logis-proxy").CombinedOutput(); err != nil {
		t.Errorf("id logis-proxy: %v: %s", err, out)
	}
}

func TestMachineReachesHost(t *testing.T) {
	m, err := testhost.NewMachine(t.Context(), "visitor", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Remove(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for _, address := range []string{m.Host4, m.Host6} {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		seen := make(chan string, 1)
		go func() {
			defer close(seen)
			if c, err := l.Accept(); err == nil {
				seen <- c.RemoteAddr().(*net.TCPAddr).IP.String()
				c.Close()
			}
		}()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		args := m.Wrap("bash", "-c", "cat < /dev/tcp/"+address+"/"+port)
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
		want := m.Address4
		if strings.Contains(address, ":") {
			want = m.Address6
		}
		if got := <-seen; got != want {
			t.Errorf("host sees %s, want %s", got, want)
		}
	}
}

func TestSnapshotSeesWhatIsLeft(t *testing.T) {
	dir := t.TempDir()
	opts := testhost.SnapshotOptions{Dirs: []string{dir}, Files: []string{filepath.Join(dir, "left")}}
	take := func() testhost.Snapshot {
		t.Helper()
		s, err := testhost.Take(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := take()
	if diff := cmp.Diff(before, take()); diff != "" {
		t.Fatalf("two snapshots in a row differ:\n%s", diff)
	}

	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	run("ip", "link", "add", "left0", "type", "veth", "peer", "name", "left1")
	run("nft", "add", "table", "inet", "left")
	run("mount", "-t", "tmpfs", "left", "/mnt")
	run("sh", "-c", "sleep infinity >/dev/null 2>&1 &")
	if err := os.WriteFile(filepath.Join(dir, "left"), []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	after := take()
	for name, pair := range map[string][2][]string{
		"links": {before.Links, after.Links}, "rules": {before.Rules, after.Rules}, "mounts": {before.Mounts, after.Mounts},
		"processes": {before.Processes, after.Processes}, "files": {before.Files, after.Files},
		"lines": {before.Lines, after.Lines},
	} {
		if cmp.Equal(pair[0], pair[1]) {
			t.Errorf("%s: nothing seen of what was left", name)
		}
	}
	run("ip", "link", "delete", "left0")
	run("nft", "delete", "table", "inet", "left")
	run("umount", "/mnt")
	run("sh", "-c", "kill $(pidof sleep)")
	if err := os.Remove(filepath.Join(dir, "left")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, take()); diff != "" {
		t.Errorf("after removal (-before +after):\n%s", diff)
	}
}

// With an uplink the box's packets have a way out;
// afterwards it is as alone as before.
func TestUplink(t *testing.T) {
	routes := func() string {
		out, err := exec.Command("ip", "route").CombinedOutput()
		if err != nil {
			t.Fatalf("ip route: %v: %s", err, out)
		}
		return string(out)
	}
	before := routes()
	remove, err := testhost.Uplink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if with := routes(); !strings.Contains(with, "default via ") {
		t.Errorf("routes with an uplink:\n%s", with)
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	if after := routes(); after != before {
		t.Errorf("routes after the uplink:\n%s", after)
	}
}
