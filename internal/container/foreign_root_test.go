//go:build root

package container

import (
	"os/exec"
	"slices"
	"syscall"
	"testing"
)

// A process of the host's with an id of a site's is root of that site's files.
func TestIDProcesses(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	pid, release := probePID(t, c)
	defer release()
	stranger := exec.Command("sleep", "1000")
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 5, Gid: 5, Groups: []uint32{idBase + 70_000}}}
	must(t, stranger.Start())
	defer func() { _ = stranger.Process.Kill(); _ = stranger.Wait() }()
	found, err := b.runtime.Foreigners(idBase, idBase+10*65536)
	must(t, err)
	if !slices.Contains(found, Foreign{stranger.Process.Pid, "sleep", idBase + 70_000}) {
		t.Errorf("the stranger is not in %+v", found)
	}
	for _, f := range found {
		if f.PID == pid || f.PID == c.PID() {
			t.Errorf("a process of the site is a stranger: %+v", f)
		}
	}
	if found, err = b.runtime.Foreigners(idBase, idBase+69_999); err != nil || slices.ContainsFunc(found, func(f Foreign) bool { return f.PID == stranger.Process.Pid }) {
		t.Errorf("found %+v, %v", found, err)
	}
}
