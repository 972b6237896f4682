//go:build root

package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

const mib = 1 << 20

// deadline outlives the test's own context, which has ended when cleanups run.
func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func create(t testing.TB, p *Pool, name string, index int, d Disk) SiteDir {
	t.Helper()
	dir, err := p.CreateSite(t.Context(), name, index, d)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestCreateSite(t *testing.T) {
	p := open(t, loopOptions(t))
	dir := create(t, p, "alice", 7, Disk{Limit: 512 * mib, Reserve: 100 * mib})
	if again, err := p.Site("alice"); err != nil || again != dir {
		t.Errorf("Site = %v, %v; want %v", again, err, dir)
	}
	id, err := subvolumeID(dir.Root)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(run(t, "btrfs", "qgroup", "show", "-re", "--raw", p.Dir())) {
		if f := strings.Fields(line); len(f) > 4 && (f[0] == "1/1000000008" || f[0] == fmt.Sprintf("0/%d", id)) {
			lines = append(lines, f[3])
		}
	}
	if diff := cmp.Diff([]string{"432013312", "536870912"}, lines); diff != "" {
		t.Errorf("limits of root and site (-want +got):\n%s", diff)
	}
	if quota, err := linux.BtrfsQuotaStatus(p.root); err != nil || quota.Inconsistent {
		t.Errorf("quota after create: %+v, %v", quota, err)
	}
	if _, err := p.CreateSite(t.Context(), "alice", 7, Disk{Limit: mib}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create again: %v", err)
	}
	if _, err := p.Site("alice"); err != nil {
		t.Errorf("site after a refused create: %v", err)
	}
	if _, err := p.Site("bob"); !errors.Is(err, ErrNoDisk) {
		t.Errorf("missing site: %v", err)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", ".hidden", "a\x00b"} {
		if _, err := p.CreateSite(t.Context(), name, 1, Disk{Limit: mib}); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
}

func TestDiskLimit(t *testing.T) {
	p := open(t, loopOptions(t))
	d := Disk{Limit: 256 * mib, Reserve: 96 * mib}
	dir := create(t, p, "alice", 0, d)
	neighbour := create(t, p, "bob", 1, d)

	written, err := os.OpenFile(filepath.Join(dir.Root, "written"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer written.Close()
	if _, err := written.Write(make([]byte, 8*mib)); err != nil {
		t.Fatal(err)
	}
	// Written out and not committed: Usage itself has to wait for a commit.
	if err := unix.SyncFileRange(int(written.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE|
		unix.SYNC_FILE_RANGE_WAIT_AFTER); err != nil {
		t.Fatal(err)
	}
	if usage, err := p.Usage(t.Context(), "alice"); err != nil || usage.Used < 8*mib {
		t.Errorf("usage %d, %v after 8 MiB were written", usage, err)
	}
	if err := os.Remove(written.Name()); err != nil {
		t.Fatal(err)
	}
	written.Close()
	if err := p.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}

	files := fill(t, filepath.Join(dir.Root, "file"))
	if most := d.Limit - d.Reserve; files > most || files < most-2*mib {
		t.Errorf("root took %d bytes of %d", files, most)
	}
	database := fill(t, filepath.Join(dir.Data, "file"))
	if database < d.Reserve-2*mib || files+database > d.Limit {
		t.Errorf("data took %d bytes after root took %d; limit %d", database, files, d.Limit)
	}
	t.Logf("root %d, data %d, limit %d", files, database, d.Limit)
	if err := os.WriteFile(filepath.Join(neighbour.Root, "file"), make([]byte, mib), 0o600); err != nil {
		t.Errorf("write in the neighbour: %v", err)
	}

	p.committed = time.Time{}
	usage, err := p.Usage(t.Context(), "alice")
	if err != nil || usage.Used < files+database || usage.Used > d.Limit ||
		usage.Limit != d.Limit || usage.FilesUsed < files || usage.FilesLimit != d.Limit-d.Reserve {
		t.Errorf("usage %+v, %v; %d bytes are written, %d of them by the database", usage, err, files+database, database)
	}

	more := Disk{Limit: 320 * mib, Reserve: 96 * mib}
	if err := p.SetDisk(t.Context(), "alice", more); err != nil {
		t.Fatal(err)
	}
	if grown := fill(t, filepath.Join(dir.Root, "file")); grown < files+60*mib {
		t.Errorf("root took %d bytes after the limit was raised by 64 MiB, %d before", grown, files)
	}
	if err := os.Remove(filepath.Join(dir.Root, "file")); err != nil {
		t.Errorf("unlink on a full disk: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir.Data, "more"), make([]byte, mib), 0o600); err != nil {
		t.Errorf("write after files were freed: %v", err)
	}
}

// A site deletes files through an overlay whose upper layer is full.
func TestDeleteWhenFull(t *testing.T) {
	p := open(t, loopOptions(t))
	draft, err := p.CreateDraft(t.Context(), "lemp")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(draft.Path(), "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lower", "dir/lower"} {
		if err := os.WriteFile(filepath.Join(draft.Path(), name), []byte("lower"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	image, err := draft.Commit(t.Context(), "lemp@sha256-1")
	if err != nil {
		t.Fatal(err)
	}
	dir := create(t, p, "alice", 0, Disk{Limit: 256 * mib, Reserve: 96 * mib})
	root := overlay(t, image, dir.Root)

	own := filepath.Join(root, "dir", "own", "deep")
	if err := os.MkdirAll(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(own, "file"), []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(root, "big"))
	small := 0
	for ; small < 100000; small++ { // until no name fits any more
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("small%d", small)), []byte("x"), 0o600); err != nil {
			break
		}
	}
	t.Logf("%d small files fitted after the big one", small)
	if err := os.RemoveAll(filepath.Join(root, "dir", "own")); err != nil {
		t.Errorf("remove an own directory on a full disk: %v", err)
	}
	// These need room for metadata: the kernel may refuse them until something else was deleted.
	for act, err := range map[string]error{
		"unlink a file of the image":                os.Remove(filepath.Join(root, "lower")),
		"unlink a file in a directory of the image": os.Remove(filepath.Join(root, "dir", "lower")),
		"truncate": os.Truncate(filepath.Join(root, "big"), 4096),
		"make a subvolume through the overlay, refused": noSubvolume(t, root),
	} {
		t.Logf("%s on a full disk: %v", act, err)
		if err != nil && !errors.Is(err, unix.EDQUOT) {
			t.Errorf("%s on a full disk: %v", act, err)
		}
	}
	if err := os.Remove(filepath.Join(root, "big")); err != nil {
		t.Errorf("unlink on a full disk: %v", err)
	}
	if err := os.WriteFile(filepath.Join(root, "after"), make([]byte, mib), 0o600); err != nil {
		t.Errorf("write after unlink: %v", err)
	}
	if err := os.Remove(filepath.Join(root, "lower")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unlink of a file of the image with room: %v", err)
	}
}

// noSubvolume fails if a subvolume can be made in dir: it would count in no quota group of the site.
func noSubvolume(t testing.TB, dir string) error {
	t.Helper()
	f, err := openSubdir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := linux.BtrfsCreateSubvolume(f, "nested", linux.NewBtrfsQgroup(1, 1)); !errors.Is(err, unix.ENOTTY) {
		return fmt.Errorf("create subvolume in %s: %w", dir, err)
	}
	return nil
}

func overlay(t testing.TB, lower, upper string) string {
	t.Helper()
	for _, name := range []string{"upper", "work"} {
		if err := os.Mkdir(filepath.Join(upper, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, upper, upper)
	if err := unix.Mount("overlay", root, "overlay", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(root, 0); err != nil {
			t.Error(err)
		}
	})
	return root
}

func TestDeleteLeavesNothing(t *testing.T) {
	p := open(t, loopOptions(t))
	create(t, p, "stays", 5, Disk{Limit: 256 * mib, Reserve: 96 * mib})
	before := state(t, p)
	for i := range 4 { // the same name and index, while the last one may still be freed
		dir := create(t, p, "alice", 0, Disk{Limit: 256 * mib, Reserve: 96 * mib})
		if err := os.WriteFile(filepath.Join(dir.Root, "file"), make([]byte, 8*mib), 0o600); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			run(t, "btrfs", "subvolume", "create", filepath.Join(dir.Data, "nested"))
			run(t, "btrfs", "subvolume", "create", filepath.Join(dir.Data, "nested", "deeper"))
		}
		if err := p.DeleteSite(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(p.siteDir("alice")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("path after delete: %v", err)
		}
	}
	if err := p.DeleteSite(t.Context(), "alice"); err != nil {
		t.Errorf("delete a missing site: %v", err)
	}
	sweptTo(t, p, before)
}

// What one process deleted and did not sweep, the next one sweeps.
func TestSweepAfterCrash(t *testing.T) {
	o := loopOptions(t)
	p := open(t, o)
	before := state(t, p)
	create(t, p, "alice", 0, Disk{Limit: 256 * mib, Reserve: 96 * mib})
	group, err := p.createGroup(1) // a create that died after its first step
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil { // no sweeper from here on
		t.Fatal(err)
	}
	run(t, "btrfs", "subvolume", "delete", p.paths("alice").Root)
	t.Logf("left: group %s, half a site", group)

	p = open(t, o)
	if sites, err := p.Sites(); err != nil || !cmp.Equal(sites, []string{"alice"}) {
		t.Errorf("sites %v, %v", sites, err)
	}
	if _, err := p.Site("alice"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a site: %v", err)
	}
	if err := p.DeleteSite(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	sweptTo(t, p, before)
}

// A create that cannot be finished leaves nothing.
func TestCreateUndone(t *testing.T) {
	p := open(t, loopOptions(t))
	before := state(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.CreateSite(ctx, "alice", 0, Disk{Limit: 256 * mib}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled create: %v", err)
	}
	if _, err := p.CreateSite(&lateCancel{Context: t.Context()}, "bob", 1, Disk{Limit: 256 * mib}); !errors.Is(err,
		context.Canceled) {
		t.Errorf("create cancelled at its last step: %v", err)
	}
	if _, err := p.CreateSite(t.Context(), "alice", generation, Disk{Limit: 256 * mib}); err == nil {
		t.Error("an index out of range was taken")
	}
	sweptTo(t, p, before)
}

// lateCancel is a context that is cancelled after it was asked once.
type lateCancel struct {
	context.Context
	asked bool
}

func (c *lateCancel) Err() error {
	if c.asked {
		return context.Canceled
	}
	c.asked = true
	return nil
}

func TestCreateAndDeleteAtOnce(t *testing.T) {
	p := open(t, loopOptions(t))
	before := state(t, p)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			name := fmt.Sprintf("site%d", i)
			for range 5 {
				if _, err := p.CreateSite(t.Context(), name, i, Disk{Limit: 256 * mib, Reserve: 96 * mib}); err != nil {
					t.Error(err)
				}
				if err := p.DeleteSite(t.Context(), name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	sweptTo(t, p, before)
}

// The background sweeper needs no call of Sweep.
func TestSweeperWorksAlone(t *testing.T) {
	p := open(t, loopOptions(t))
	create(t, p, "alice", 0, Disk{Limit: 256 * mib})
	if err := p.DeleteSite(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	ctx := deadline(t)
	for {
		p.mu.Lock()
		left := len(p.stale)
		p.mu.Unlock()
		if left == 0 {
			return
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			t.Fatalf("%d groups left", left)
		}
	}
}
