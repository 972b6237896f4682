//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/cli"
)

// example is a line of a command's help, or what has to be so before the next one; it is run as typed, by a shell.
type example struct {
	line string
	how  func(line string) *exec.Cmd
}

// helpInOrder are the examples of all commands, in an order in which each finds what it speaks of.
var helpInOrder = []example{
	{"logis version", typed},
	{"logis image list", typed},
	{"logis image show lemp", typed},
	{"logis image build lemp", elsewhere}, // the image of these tests is made by this line, in test/image
	{"logis image export lemp lemp.tar.zst", typed},
	{"logis image export lemp - | ssh other logis image import -", typed},
	{"logis image remove lemp", typed},
	{"logis image import lemp.tar.zst", typed},
	{"logis create alice --no-wait && logis wait alice --timeout 30s", typed},
	{"logis destroy alice", answered("yes")},
	{"logis create alice --ssh-key ~/.ssh/id_ed25519.pub", typed},
	{"logis create shop --domain shop.example.org --memory 1GiB --disk 5GiB", typed},
	{"logis destroy shop --force", before},
	{"logis create bob --memory 200MiB --disk 1GiB", before},
	{"logis list", typed},
	{"logis list --format json | jq -r '.[].name'", typed},
	{"logis show alice", typed},
	{"logis show alice --format json", typed},
	{"logis set alice --memory 1GiB --disk 4GiB", typed},
	{"logis set alice --cpus 0.5 --pids 200", typed},
	{"logis set alice --cpu-weight 50 --io-bandwidth 20MiB", typed},
	{"logis set alice --priority 10", typed},
	{"logis domain add alice www.example.org", typed},
	{"logis domain remove alice www.example.org", typed},
	{"logis key list alice", typed},
	{"logis key list alice --format json | jq -r '.[].line'", typed},
	{"logis key add alice ~/.ssh/id_ed25519.pub", typed},
	{"curl -s https://git.example.org/alice.keys | logis key add alice -", typed}, // that host has the next two keys
	{"logis key remove alice alice@laptop", typed},
	{"logis key remove alice ./old.pub", typed},
	{"logis exec alice -- ps aux", typed},
	{"logis exec alice --user alice -t -- mariadb", answered("exit")},
	{"logis shell alice", answered("exit")},
	{"echo 'ls www' | logis shell alice", typed},
	{"logis logs alice --service nginx -f", watched},
	{"logis logs alice --service proxy -n 20", typed},
	{"logis stats", watched},
	{"logis stats alice bob", watched},
	{"logis stats --sort requests", watched},
	{"logis stats --format json | jq '.sites[] | {name, usage, requests}'", typed},
	{"logis events", typed},
	{"logis events -f", watched},
	{"logis events --format json | jq -r 'select(.type == \"site.died\").site'", typed},
	{"logis stop alice bob", typed},
	{"logis start alice bob", typed},
	{"logis restart alice bob", typed},
	{"logis stop --all", typed},
	{"logis start --all", typed},
	{"logis restart --all", typed},
	{"logis sites down --timeout 2m", typed},
	{"logis sites up", typed},
	{"logis doctor", typed},
	{"logis doctor --fix", typed},
	{"logis doctor --prove", elsewhere}, // by TestProof and prove.txtar: a minute each
	{"logis doctor --prove alice", elsewhere},
	{"logis destroy alice bob --force", typed},
}

// typed runs a line to its end.
func typed(line string) *exec.Cmd { return exec.Command("sh", "-c", line) }

// watched ends a line that goes on, as Ctrl-C does; that is no failure of it. In the foreground timeout(1) signals script(1) once: a
// second SIGINT, to the group, could meet it after it has handled the first, and end it with status 130.
func watched(line string) *exec.Cmd {
	return exec.Command("timeout", "--foreground", "--preserve-status", "--signal=INT", "3", "script", "-qefc", "exec "+line, "/dev/null")
}

// answered runs a line on a terminal, where somebody types text.
func answered(text string) func(string) *exec.Cmd {
	return func(line string) *exec.Cmd {
		cmd := exec.Command("script", "-qefc", "exec "+line, "/dev/null")
		cmd.Stdin = strings.NewReader(text + "\n")
		return cmd
	}
}

var (
	before    = typed // what no help says and the next lines need
	elsewhere func(string) *exec.Cmd
)

// TestExamples types the examples of every command's help.
func TestExamples(t *testing.T) {
	var known, placed []string
	collect(cli.Commands(), &known)
	for _, e := range helpInOrder {
		if slices.Contains(known, e.line) || e.how == nil {
			placed = append(placed, e.line)
		}
	}
	slices.Sort(known)
	slices.Sort(placed)
	if diff := cmp.Diff(slices.Compact(known), placed); diff != "" {
		t.Fatalf("helpInOrder is not what the commands show (-help +here):\n%s", diff)
	}

	h := newHouse(t)
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, comment := range map[string]string{".ssh/id_ed25519": "alice@desk", "laptop": "alice@laptop", "old": "alice@old"} {
		cmd := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", filepath.Join(home, file))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v: %s", err, out)
		}
	}
	bin := filepath.Join(home, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ssh":  "#!/bin/sh\nshift\nexec \"$@\"\n", // the other host of an example is this one
		"curl": "#!/bin/sh\ncat " + home + "/*.pub\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := append(os.Environ(), "HOME="+home, "LOGIS_SOCKET=/run/logis/logis.sock", "TERM=xterm",
		fmt.Sprintf("PATH=%s:%s:%s", bin, h.bin, os.Getenv("PATH")))
	for _, e := range helpInOrder {
		if e.how == nil {
			continue
		}
		cmd := e.how(e.line)
		cmd.Env, cmd.Dir = env, home
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", e.line, err, out)
		}
	}
}

// collect gathers the examples of a command and of all below it.
func collect(c *cobra.Command, to *[]string) {
	for line := range strings.Lines(c.Example) {
		if line = strings.TrimSpace(line); line != "" {
			*to = append(*to, line)
		}
	}
	for _, sub := range c.Commands() {
		collect(sub, to)
	}
}
