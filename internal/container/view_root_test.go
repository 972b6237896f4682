//go:build root

package container

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/lxcfs"
	"github.com/logis-project/logis/internal/testhost"
)

// newViewBox is a box whose containers see through lxcfs what they have.
func newViewBox(t *testing.T) (*box, *lxcfs.View) {
	t.Helper()
	b := newBox(t)
	v := lxcfs.New(lxcfs.Options{
		Instance: testhost.Instance(), State: filepath.Join(b.dir, "lxcfs.json"), Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		for _, name := range []string{"alice", "bob"} {
			v.Leave(name)
		}
		must(t, v.Settle(context.Background()))
	})
	b.runtime.opts.View = v.Open
	return b, v
}

// meminfo is MemTotal as a container sees it, in kB; the error is what reading it said.
func meminfo(t *testing.T, c *Container) (string, string) {
	t.Helper()
	r := run(t, c, "", "/probe", "read", "/proc/meminfo")
	m := regexp.MustCompile(`(?m)^MemTotal: +(\d+) kB$`).FindStringSubmatch(r.stdout)
	if m == nil {
		return "", r.stdout + r.stderr
	}
	return m[1], ""
}

const (
	ofAlice = "65536" // kB: 64 MiB
	ofBob   = "131072"
)

// Each container sees its own limits, through files that tell nothing of the host and that nobody can write.
func TestView(t *testing.T) {
	b, v := newViewBox(t)
	alice := b.start(b.spec("alice", 0))
	spec := b.spec("bob", 1)
	spec.Limits.Memory = 128 << 20
	bob := b.start(spec)
	for c, want := range map[*Container]string{alice: ofAlice, bob: ofBob} {
		if got, why := meminfo(t, c); got != want {
			t.Errorf("%s sees %s kB of memory, want %s; %s", c.name, got, want, why)
		}
		if !c.Sees(v.Device(), lxcfs.Files()) || len(unseenOf(c)) > 0 {
			t.Errorf("%s: warnings %q", c.name, unseenOf(c))
		}
	}
	cpuinfo := run(t, alice, "", "/probe", "read", "/proc/cpuinfo")
	if n := strings.Count(cpuinfo.stdout, "processor\t:"); n != 1 {
		t.Errorf("alice, who has half a processor, sees %d", n)
	}
	if online := run(t, alice, "", "/probe", "read", "/sys/devices/system/cpu/online"); strings.TrimSpace(online.stdout) != "0" {
		t.Errorf("online processors of alice: %+v", online)
	}
	s := probe[seen](t, alice, "", "short")
	covered := 0
	for _, line := range s.Mounts {
		if !strings.Contains(line, "fuse") {
			continue
		}
		covered++
		if f := strings.Fields(line); !slices.Contains(lxcfs.Files(), f[3][1:]) || !strings.HasPrefix(f[5], "ro,nosuid,nodev,noexec") {
			t.Errorf("mount %s", line)
		}
	}
	if covered != len(lxcfs.Files()) {
		t.Errorf("%d files are covered, want %d", covered, len(lxcfs.Files()))
	}
	if r := run(t, alice, "", "/probe", "read", "/proc/slabinfo"); r.status == 0 {
		t.Error("a site reads the slabs of the host")
	}
}

func unseenOf(c *Container) []string {
	return slices.DeleteFunc(c.Warnings(Limits{}), func(w string) bool { return !strings.HasPrefix(w, unseen) })
}

// A container whose server died goes on, and sees the same again when it was renewed: once, and as often as that is done.
func TestRenew(t *testing.T) {
	b, v := newViewBox(t)
	c := b.start(b.spec("alice", 0))
	mounts := len(fuse(t, c))
	renewed := renewing(t, v, c)
	for range 2 {
		device := v.Device()
		kill(t, v)
		if got, why := meminfo(t, c); got != "" || why == "" {
			t.Errorf("without a server a container sees %s", got)
		}
		select { // the second start in a row is made after a pause
		case err := <-renewed:
			must(t, err)
		case <-time.After(time.Minute):
			t.Fatal("nothing was renewed")
		}
		if got, why := meminfo(t, c); got != ofAlice {
			t.Fatalf("a renewed container sees %s kB of memory, want %s; %s", got, ofAlice, why)
		}
		if c.Sees(device, lxcfs.Files()) || !c.Sees(v.Device(), lxcfs.Files()) {
			t.Errorf("it sees device %s still, not %s", device, v.Device())
		}
		if n := len(fuse(t, c)); n != mounts {
			t.Errorf("%d mounts, and %d in the beginning", n, mounts)
		}
	}
}

// renewing renews a container whenever another server is in use, and says what came of it.
func renewing(t *testing.T, v *lxcfs.View, c *Container) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	renewed, ended := make(chan error, 16), make(chan struct{})
	go func() {
		defer close(ended)
		v.Watch(ctx, func() {
			if !c.Sees(v.Device(), lxcfs.Files()) {
				renewed <- c.Renew(v.Mounts)
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return renewed
}

func fuse(t *testing.T, c *Container) []cover {
	t.Helper()
	covers, err := c.covers()
	must(t, err)
	return covers
}

// kill ends the server, as a crash would.
func kill(t *testing.T, v *lxcfs.View) {
	t.Helper()
	var pid int
	if _, err := fmt.Sscanf(v.Found(), "logisd's own, process %d", &pid); err != nil {
		t.Fatal(err)
	}
	must(t, unix.Kill(pid, unix.SIGKILL))
	ended(t, pid)
}

// A server that hangs neither hangs a start nor a renewal.
func TestRenewFromHung(t *testing.T) {
	b, v := newViewBox(t)
	c := b.start(b.spec("alice", 0))
	var pid int
	if _, err := fmt.Sscanf(v.Found(), "logisd's own, process %d", &pid); err != nil {
		t.Fatal(err)
	}
	must(t, unix.Kill(pid, unix.SIGSTOP))
	b.start(b.spec("bob", 1))
	must(t, c.Renew(v.Mounts))
	must(t, unix.Kill(pid, unix.SIGCONT))
	if got, why := meminfo(t, c); got != ofAlice {
		t.Errorf("it sees %s kB, want %s; %s", got, ofAlice, why)
	}
}

// Without a server a container starts all the same, says so, and is given its view later.
func TestStartsUnseen(t *testing.T) {
	b, v := newViewBox(t)
	b.runtime.opts.View = func(string) ([]*os.File, error) { return nil, errors.New("not today") }
	c := b.start(b.spec("alice", 0))
	if got := unseenOf(c); len(got) != 1 || !strings.HasSuffix(got[0], "not today") {
		t.Errorf("warnings %q", got)
	}
	if got, _ := meminfo(t, c); got == ofAlice || got == "" {
		t.Errorf("it sees %s kB", got)
	}
	v.Keep("alice")
	must(t, c.Renew(v.Mounts))
	if got, why := meminfo(t, c); got != ofAlice || len(unseenOf(c)) > 0 {
		t.Errorf("given its view later it sees %s kB, warnings %q; %s", got, unseenOf(c), why)
	}
}

// A renewal that was cut short, by a crash of logisd or by an error, is seen and made good.
func TestSeesHalf(t *testing.T) {
	b, v := newViewBox(t)
	c := b.start(b.spec("alice", 0))
	must(t, c.Renew(func() ([]*os.File, error) {
		mounts, err := v.Mounts()
		if err != nil {
			return nil, err
		}
		for _, m := range mounts[3:] {
			m.Close()
		}
		return mounts[:3], nil
	}))
	if n := len(fuse(t, c)); n != 3 {
		t.Fatalf("%d files are covered, want 3", n)
	}
	if c.Sees(v.Device(), lxcfs.Files()) {
		t.Error("a container that sees three of its files is said to see all")
	}
	must(t, c.Renew(v.Mounts))
	if n := len(fuse(t, c)); n != len(lxcfs.Files()) || !c.Sees(v.Device(), lxcfs.Files()) {
		t.Errorf("renewed, %d files are covered, want %d", n, len(lxcfs.Files()))
	}
	if !c.Sees(v.Device(), append(lxcfs.Files(), "proc/no_such_file")) {
		t.Error("a file that this kernel lacks is missed")
	}
}
