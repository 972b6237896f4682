package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// box runs `demo up` in a mount, PID and network namespace of its own, with stand-ins for the programs. It prints the PIDs of
// the daemons after each run.
const box = `
for dir in /run /etc/logis /var/lib/logis /var/lib/logis-demo /var/log/logis; do mkdir -p $dir; mount -t tmpfs tmpfs $dir; done
mount -t proc proc /proc
ip link set lo up
cd "$1"
up() {
	echo "== $1"
	setsid packaging/demo up
	for daemon in logisd logis-proxy; do echo "$daemon runs as $(cat /run/logis-demo/$daemon)"; done
}
cp packaging/logis.toml /etc/logis/
up first
up same
echo 'base_domain = "example.org"' >/etc/logis/logis.toml
up changed
echo wrong >>/etc/logis/logis.toml
up wrong 2>&1 || true
`

// The daemons that run are those of the configuration that is there: after a change of it they are restarted, and without one
// they are not. One that is wrong restarts nothing.
func TestDemoAfterChange(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("systemd has the daemons here")
	}
	dir := t.TempDir()
	for _, name := range []string{"demo", "logis.toml"} {
		copyFile(t, name, filepath.Join(dir, "packaging", name), 0o755)
	}
	for _, name := range []string{"need", "accounts"} { // what they would install is there, or not needed
		write(t, filepath.Join(dir, "packaging", name), "#!/bin/sh\n", 0o755)
	}
	write(t, filepath.Join(dir, "Makefile"), "build:\n", 0o644)
	standin := filepath.Join(dir, "standin")
	if out, err := exec.Command("go", "build", "-o", standin, "./testdata/standin").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"logis", "logisd", "logis-proxy"} {
		copyFile(t, standin, filepath.Join(dir, "bin", name), 0o755)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-euc", box, "bash", dir)
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	runs := strings.Split(text, "== ")
	if len(runs) != 5 {
		t.Fatalf("%d runs:\n%s", len(runs)-1, text)
	}
	pids := regexp.MustCompile(`(?m)^logis\S+ runs as .*$`)
	of := func(i int) string { return strings.Join(pids.FindAllString(runs[i], -1), ", ") }
	if !strings.Contains(runs[1], "started logisd logis-proxy\n") || strings.Contains(runs[2], "started") || of(1) != of(2) {
		t.Errorf("run again it changes something:\n%s%s", runs[1], runs[2])
	}
	if !strings.Contains(runs[3], "started logisd logis-proxy\n") || of(3) == of(2) {
		t.Errorf("after a change of the configuration the old daemons run:\n%s", runs[3])
	}
	if !strings.Contains(runs[4], "logisd: wrong") || strings.Contains(runs[4], "started") || of(4) != of(3) {
		t.Errorf("a wrong configuration:\n%s", runs[4])
	}
	if n := strings.Count(runs[2], "\n"); n > 24 {
		t.Errorf("it ends with more than a screen, %d lines:\n%s", n, runs[2])
	}
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(data), mode)
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
