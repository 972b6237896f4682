//go:build root

package container

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What a site of an earlier release lacks is there when its first process begins, as its root's own; what it has itself stays, no link
// of its is followed, and a place that it took away is no reason not to start.
func TestLay(t *testing.T) {
	b := newBox(t)
	outside := filepath.Join(b.dir, "outside")
	must(t, os.Mkdir(outside, 0o777))
	must(t, os.Symlink(outside, filepath.Join(b.image(), "mnt/link")))
	must(t, os.Symlink(filepath.Join(outside, "file"), filepath.Join(b.image(), "mnt/dangling")))
	spec := b.spec("alice", 0)
	spec.Lay = map[string]string{
		"etc/logis/fresh": "laid\n", "etc/motd": "laid\n", "mnt/link/file": "laid\n", "mnt/dangling": "laid\n", "no/such/directory": "laid\n",
	}
	c := b.start(spec)
	for path, want := range map[string]string{"/etc/logis/fresh": "laid\n", "/etc/motd": "hello\n"} {
		if r := run(t, c, "owner", "/probe", "read", path); r.stdout != want || r.status != 0 {
			t.Errorf("%s reads %q, %s, want %q", path, r.stdout, r.stderr, want)
		}
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(spec.Layers.Upper, "etc/logis/fresh"), &st))
	if st.Uid != spec.IDBase || st.Gid != spec.IDBase || st.Mode&0o7777 != 0o644 {
		t.Errorf("it is %d:%d, %o", st.Uid, st.Gid, st.Mode)
	}
	if r := run(t, c, "", "/probe", "read", "/no/such/directory"); !strings.Contains(r.stderr, "no such file") {
		t.Errorf("a directory was made: %+v", r)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("written through a link: %v, %v", left, err)
	}
}
