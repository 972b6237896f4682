//go:build root

package container

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What the host hands a container is there when its first process begins, changes at once, and only by the host's hand.
func TestHanded(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Handed = Handed{"keys": "one\n", "other": strings.Repeat("x", 600<<10)}
	c, err := b.runtime.Create(t.Context(), spec)
	must(t, err)
	must(t, c.Start(t.Context()))
	reads := func(c *Container, path, want string) {
		t.Helper()
		if r := run(t, c, "owner", "/probe", "read", path); r.stdout != want || r.status != 0 {
			t.Errorf("%s reads %q, %s, want %q", path, r.stdout, r.stderr, want)
		}
	}
	reads(c, HandedDir+"/keys", "one\n")

	must(t, c.Hand(Handed{"keys": "two\n", "third": "3"}))
	reads(c, HandedDir+"/keys", "two\n")
	reads(c, HandedDir+"/third", "3")
	if r := run(t, c, "", "/probe", "read", HandedDir+"/other"); !strings.Contains(r.stderr, "no such file") {
		t.Errorf("what is handed no more: %+v", r)
	}
	for _, try := range [][]string{
		{"write", HandedDir + "/keys"},
		{"write", HandedDir + "/new"},
		{"remove", HandedDir + "/keys"},
		{"rename", HandedDir + "/third", HandedDir + "/keys"},
		{"rename", HandedDir, "/run/away"},
	} {
		if r := run(t, c, "", append([]string{"/probe"}, try...)...); r.status == 0 || !strings.Contains(r.stderr, "read-only") && !strings.Contains(r.stderr, "busy") {
			t.Errorf("root's %s: %+v", try, r)
		}
	}
	for _, path := range []string{"", "/keys"} { // sshd wants it to be root's, and nobody else's to write
		var st unix.Stat_t
		must(t, unix.Stat("/proc/"+strconv.Itoa(c.PID())+"/root"+HandedDir+path, &st))
		if st.Uid != spec.IDBase || st.Gid != spec.IDBase || st.Mode&0o022 != 0 {
			t.Errorf("%s%s is %d:%d, %o", HandedDir, path, st.Uid, st.Gid, st.Mode)
		}
	}

	// The next logisd finds it too; also where root of the container has moved what lies above it, to a name that is no easy one.
	must(t, c.Close())
	again, err := b.runtime.Adopt("alice")
	must(t, err)
	b.Cleanup(func() { b.end(again) })
	must(t, again.Hand(Handed{"keys": "three\n"}))
	reads(again, HandedDir+"/keys", "three\n")
	if r := run(t, again, "", "/probe", "rename", "/run/logis", `/run/a b\040c`); r.status != 0 {
		t.Fatalf("rename: %+v", r)
	}
	must(t, again.Hand(Handed{"keys": "four\n"}))
	reads(again, `/run/a b\040c/host/keys`, "four\n")
	got, err := again.Handed()
	if diff := cmp.Diff(Handed{"keys": "four\n"}, got); diff != "" || err != nil {
		t.Errorf("Handed: %v\n%s", err, diff)
	}
}

// What a logisd that was killed left half written is neither in the way nor seen.
func TestHandedHalfWritten(t *testing.T) {
	b := newBox(t)
	spec := b.spec("alice", 0)
	spec.Handed = Handed{"keys": "one\n"}
	c := b.start(spec)
	must(t, c.withHanded(func(dir *os.File) error {
		fd, err := unix.Openat(int(dir.Fd()), beside, unix.O_CREAT|unix.O_WRONLY, 0o600)
		if err == nil {
			err = unix.Close(fd)
		}
		return err
	}))
	must(t, c.Hand(Handed{"keys": "two\n"}))
	got, err := c.Handed()
	if diff := cmp.Diff(Handed{"keys": "two\n"}, got); diff != "" || err != nil {
		t.Errorf("Handed: %v\n%s", err, diff)
	}
	for _, name := range []string{"", ".", "..", ".new", "a/b", "../x"} {
		if err := c.Hand(Handed{name: ""}); err == nil {
			t.Errorf("a file of the name %q is handed over", name)
		}
	}
}

// A container that is handed nothing has no such place.
func TestHandedNothing(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	if err := c.Hand(Handed{"keys": ""}); !errors.Is(err, ErrNotHanded) {
		t.Errorf("Hand: %v", err)
	}
	if _, err := c.Handed(); !errors.Is(err, ErrNotHanded) {
		t.Errorf("Handed: %v", err)
	}
}
