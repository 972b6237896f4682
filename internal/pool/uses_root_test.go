//go:build root

package pool

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

func TestUses(t *testing.T) {
	p := open(t, loopOptions(t))
	d := Disk{Limit: 256 * mib, Reserve: 96 * mib}
	alice := create(t, p, "alice", 0, d)
	create(t, p, "bob", 7, d)
	create(t, p, "gone", 8, d)
	if err := p.DeleteSite(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if err := p.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := p.UsesChanged(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files := fill(t, filepath.Join(alice.Root, "file"))
	uses, err := p.Uses(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.UsesChanged(t.Context())
	if err != nil || after == before {
		t.Errorf("what is used changed with the commit, its number is %d as before, %v", after, err)
	}
	if again, err := p.UsesChanged(t.Context()); err != nil || again != after {
		t.Errorf("nothing was written, the number went from %d to %d, %v", after, again, err)
	}
	a, b := uses[0], uses[7]
	if a.Limit != d.Limit || a.FilesLimit != d.Limit-d.Reserve || a.FilesUsed < files || a.FilesUsed > a.FilesLimit || a.Used < a.FilesUsed {
		t.Errorf("alice, who wrote %d bytes: %+v", files, a)
	}
	if b.Limit != d.Limit || b.Used > mib || b.FilesUsed > b.Used {
		t.Errorf("bob, who wrote none: %+v", b)
	}
	if len(uses) != 2 {
		t.Errorf("%d sites: %+v", len(uses), uses)
	}
	writeOut(t, filepath.Join(p.paths("bob").Data, "file"), 8*mib)
	// A thread of the kernel counts what was written out, in a commit or the next.
	for try := 0; ; try++ {
		p.committed = time.Time{}
		uses, err := p.Uses(t.Context(), true)
		if err == nil && uses[7].Used < 8*mib && try < 100 {
			continue
		}
		if err != nil || uses[7].Used < 8*mib || uses[7].FilesUsed > mib {
			t.Errorf("bob, whose database wrote 8 MiB: %+v, %v", uses[7], err)
		}
		break
	}

	whole, _, err := p.siteGroups("alice")
	if err != nil {
		t.Fatal(err)
	}
	if one, err := linux.BtrfsQgroupUsage(p.root, whole); err != nil || one != a.Used {
		t.Errorf("by itself alice uses %d, %v; with all others %d", one, err, a.Used)
	}
	// As after her deletion, while the kernel frees her bytes and another site can have her index.
	p.markStale(whole)
	if uses, err := p.Uses(t.Context(), false); err != nil || len(uses) != 1 {
		t.Errorf("alice is deleted: %+v, %v", uses, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.stale, whole)
}

// writeOut writes a file to the disk without a commit of the file system.
func writeOut(t *testing.T, path string, size int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER); err != nil {
		t.Fatal(err)
	}
}
