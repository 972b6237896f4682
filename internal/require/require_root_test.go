//go:build root

package require

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/testhost"
)

func TestMain(m *testing.M) { testhost.Main(m) }

func TestNeededIsHere(t *testing.T) {
	for _, c := range Needed(Options{LoopFile: "/nonexistent", IDs: IDs{First: 4_200_000_000, Last: 4_200_065_535}}) {
		if c.Status != OK {
			t.Errorf("%+v", c)
		}
	}
	out, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("the check left rules: %v\n%s", err, out)
	}
}

func TestPortHeldByAnother(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	all, err := listening()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%d is held by %s (pid %d)", port, filepath.Base(self), os.Getpid())
	if c := proxyPorts([]string{fmt.Sprint(":", port)}, all); c.Status != Missing || c.Found != want {
		t.Errorf("%+v, want %q", c, want)
	}
}

func TestStrictFirewalls(t *testing.T) {
	nft := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("nft", args...).CombinedOutput(); err != nil {
			t.Fatalf("nft %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	t.Cleanup(func() { nft("flush ruleset") })
	expect := func(want Status) {
		t.Helper()
		if c := firewalls("logis", "logis0"); c.Status != want {
			t.Errorf("%+v", c)
		}
	}
	expect(OK)
	nft("add table inet logis; add chain inet logis forward { type filter hook forward priority 0; policy drop; }")
	expect(OK) // ours
	nft("add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy accept; }")
	expect(OK)
	nft("chain ip filter FORWARD { policy drop; }")
	expect(Warning)
	nft("add rule ip filter FORWARD iifname logis00 accept")
	expect(Warning) // another's
	nft("add rule ip filter FORWARD iifname logis0 accept")
	expect(OK)
}
