//go:build root

package container

import (
	"errors"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// systemd removes a scope as soon as it is empty, also while its processes are being listed: then there are none.
func TestListWhileCgroupGoes(t *testing.T) {
	b := newBox(t)
	group, err := b.runtime.newCgroup("alice", Limits{})
	must(t, err)
	path := group.manager.Path("pids")
	for range 2000 {
		must(t, os.Mkdir(path, 0o755))
		var remover sync.WaitGroup
		remover.Go(func() {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		})
		for there := true; there; {
			if pids, err := group.pids(); err != nil || len(pids) > 0 {
				t.Errorf("%d processes, %v", len(pids), err)
			}
			_, err := os.Stat(path)
			there = !errors.Is(err, unix.ENOENT)
		}
		remover.Wait()
	}
}
