package cli_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// offered is what a shell is told to offer after the words of a command line.
func offered(t *testing.T, socket string, words ...string) []string {
	t.Helper()
	r := run(t, socket, "", append([]string{"__complete"}, words...)...)
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	if r.status != 0 || !strings.HasPrefix(lines[len(lines)-1], ":") {
		t.Fatalf("%q: %+v", words, r)
	}
	var found []string
	for _, l := range lines[:len(lines)-1] {
		name, _, _ := strings.Cut(l, "\t")
		found = append(found, name)
	}
	return found
}

// TestCompletion is what a shell asks when one types a TAB.
func TestCompletion(t *testing.T) {
	m := servertest.New()
	alice := servertest.StatusOf("alice", site.Running)
	alice.Services = []site.Service{{Name: "nginx"}, {Name: "$(reboot)"}, {Name: "php-fpm"}, {Name: "a b"}}
	alice.Domains = append(alice.Domains, "alice.example.org")
	alice.Record.Spec.SSHKeys = []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEZaqszrq1rTalmd4efCu8h4QMGrAAd0KI9WLTARBbcx me@home"}
	m.Put(alice)
	m.Put(servertest.StatusOf("bob", site.Stopped))
	m.PutImage("lemp", "alice")
	socket, _ := servertest.Serve(t, m)
	for line, want := range map[string][]string{
		"show ":                  {"alice", "bob"},
		"show alice ":            nil,
		"destroy alice ":         {"bob"},
		"start ":                 {"bob"},
		"stop ":                  {"alice"},
		"logs alice --service ":  {"proxy", "nginx", "php-fpm"},
		"logs nosuch --service ": nil,
		"create x --image ":      {"lemp"},
		"create ":                nil,
		"image show ":            {"lemp"},
		"image build ":           {"lemp"},
		"image export lemp ":     nil, // and the shell offers files
		"wait alice --for ":      {"ready", "stopped"},
		"list --format ":         {"table", "json"},
		"domain remove alice ":   {"alice.example.org"},
		"domain add alice ":      nil,
		"key add alice ":         nil, // files
		"key remove alice ":      {"SHA256:ITP7oHBT1t+W06drtnVcjswnB3walQf0XCZrN0x+Vhk"},
		"doctor --prove ":        {"alice", "bob"},
	} {
		if diff := cmp.Diff(want, offered(t, socket, strings.Split(line, " ")...)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}

// TestCompletionWithoutDaemon: whoever types gets no message into his line, and soon, whether logisd is away or hangs.
func TestCompletionWithoutDaemon(t *testing.T) {
	away := filepath.Join(t.TempDir(), "away.sock")
	if got := offered(t, away, "show", ""); got != nil {
		t.Errorf("without logisd: %q", got)
	}
	hangs := filepath.Join(t.TempDir(), "hangs.sock")
	l, err := net.Listen("unix", hangs)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan []string)
	go func() { done <- offered(t, hangs, "show", "") }()
	select {
	case got := <-done:
		if got != nil {
			t.Errorf("a logisd that hangs: %q", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("a logisd that hangs holds up who types")
	}
}
