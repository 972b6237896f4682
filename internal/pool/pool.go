// Package pool owns the btrfs file system that holds images and sites: its loop file and mount, the subvolumes, and the
// quota groups that limit them. It knows nothing of what lies in a subvolume, and never follows a path into one.
//
// Layout below the pool's directory:
//
//	images/NAME@DIGEST   read-only subvolume; a name that begins with a dot is one being committed
//	drafts/NAME          writable subvolume, an image being built
//	sites/NAME/root      subvolume of the site's files, limited to its disk less the reserve
//	sites/NAME/data      subvolume of the site's database, which alone can use the reserve
//	sites/NAME/headroom  link that holds the limits of a site while they are raised
//	qgroups              the first of the 10^9 level-1 quota groups that are this pool's
package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// Options of Open. Either Path or LoopFile, MountPoint and Size are given.
type Options struct {
	Path       string   // a directory on an existing btrfs; "" is a loop file
	LoopFile   string   // made if missing; grown if smaller than Size, never shrunk
	MountPoint string   // made if missing
	Size       int64    // of the loop file, in bytes; the file is sparse
	Sites      []string // whose disks the pool must hold: where there are some, a pool is found and never made
	Log        *slog.Logger
}

// Pool is an open pool. Its methods may be called from several goroutines. Two processes must not open one pool.
type Pool struct {
	dir  string
	root *os.File // dir, for ioctls
	loop *loopFile
	base uint64 // number of the first level-1 group that is ours
	log  *slog.Logger

	kick chan struct{} // wakes the sweeper; holds one
	stop context.CancelFunc
	done chan struct{}

	mu        sync.Mutex
	stale     map[linux.BtrfsQgroup]struct{} // groups of what was deleted, level 0 and 1
	drafts    map[string]struct{}            // that someone is filling
	committed time.Time                      // when Usage last waited for a commit
	sweeping  chan struct{}                  // holds the token of the one pass that runs
}

var layout = [...]string{"images", "drafts", "sites"}

// Open makes the pool ready: the loop file created, attached and mounted (or Path checked), the directories made, quota
// groups on and counted, raised limits restored, left-over drafts deleted. It finishes what an earlier Open that died left half
// done. A pool that was lost is not replaced by an empty one: that is an error that names the sites. An Open that fails takes
// away what it has mounted.
func Open(ctx context.Context, o Options) (*Pool, error) {
	p := &Pool{
		log: o.Log, kick: make(chan struct{}, 1), done: make(chan struct{}),
		stale: map[linux.BtrfsQgroup]struct{}{}, sweeping: make(chan struct{}, 1),
		drafts: map[string]struct{}{},
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if o.Path == "" {
		loop, err := openLoopFile(ctx, o, p.log)
		if err != nil {
			return nil, err
		}
		p.loop, p.dir = loop, loop.mountPoint
	} else {
		dir, err := filepath.EvalSymlinks(o.Path)
		if err != nil {
			return nil, fmt.Errorf("open pool: %w", err)
		}
		p.dir = dir
	}
	if err := p.openDir(ctx, o.Sites); err != nil {
		if p.root != nil {
			p.root.Close()
		}
		if p.loop != nil {
			err = errors.Join(err, p.loop.giveUp(ctx))
		}
		return nil, err
	}
	sweeper, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = cancel
	go p.sweepLoop(sweeper)
	p.wakeSweeper()
	return p, nil
}

func (p *Pool) openDir(ctx context.Context, sites []string) error {
	root, err := openSubdir(p.dir)
	if err != nil {
		return fmt.Errorf("open pool: %w", err)
	}
	p.root = root
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(root.Fd()), &st); err != nil {
		return fmt.Errorf("stat file system of %s: %w", p.dir, err)
	}
	if st.Type != unix.BTRFS_SUPER_MAGIC {
		return fmt.Errorf("pool %s is not on a btrfs file system: give pool.path a directory on one, or leave it empty "+
			"for a loop file", p.dir)
	}
	// Written when a pool is made: a directory without it is none, an empty mount point say.
	if _, err := os.Lstat(filepath.Join(p.dir, groupsFile)); errors.Is(err, fs.ErrNotExist) && len(sites) > 0 {
		return fmt.Errorf("%s holds no pool of logis: %s", p.dir, missed(sites))
	}
	for _, name := range layout {
		if err := os.Mkdir(filepath.Join(p.dir, name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make directory of pool: %w", err)
		}
	}
	if err := linux.RemoveTemporary(filepath.Join(p.dir, "qgroups")); err != nil {
		return fmt.Errorf("clean directory of pool: %w", err)
	}
	if err := p.ensureQuota(ctx); err != nil {
		return err
	}
	if err := p.claimGroups(); err != nil {
		return err
	}
	if err := fault.Point("pool: quota"); err != nil {
		return err
	}
	if err := p.restoreLimits(ctx); err != nil {
		return err
	}
	if err := p.findStale(); err != nil {
		return err
	}
	return p.deleteLeftovers()
}

// missed says whose disks are gone with a pool, and what to do.
func missed(sites []string) string {
	const most = 5
	names, more := strings.Join(sites[:min(most, len(sites))], ", "), ""
	if len(sites) > most {
		more = fmt.Sprintf(" and %d more", len(sites)-most)
	}
	return fmt.Sprintf("with it the disks of %s%s are missed; put it back where it was. Nothing was made in its place", names, more)
}

// Dir is the directory that holds the pool's layout.
func (p *Pool) Dir() string { return p.dir }

// Close ends the background work and waits for it. The mount stays.
func (p *Pool) Close() error {
	p.stop()
	<-p.done
	return p.root.Close()
}

// Unmount unmounts the pool's loop file and waits until its device is detached; it does nothing for a pool on another's
// file system. Call Close first. It retries while something still holds the mount, until ctx ends.
func (p *Pool) Unmount(ctx context.Context) error {
	if p.loop == nil {
		return nil
	}
	return p.loop.unmount(ctx)
}

// Sync waits until all that was done to the pool so far, by anyone, is on the disk. CreateSite and DeleteSite do not wait
// for that; without Sync it takes up to thirty seconds.
func (p *Pool) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := linux.BtrfsSync(p.root); err != nil {
		return fmt.Errorf("write out pool: %w", err)
	}
	return nil
}

// Space is that of the pool, in bytes.
type Space struct {
	Size, Used int64
	Free       int64 // that can still be written: for a loop file no more than what the file system below it can still give
}

// Space returns that of the pool.
func (p *Pool) Space(context.Context) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(p.root.Fd()), &st); err != nil {
		return Space{}, fmt.Errorf("stat pool: %w", err)
	}
	s := Space{Size: int64(st.Blocks) * st.Bsize, Free: int64(st.Bavail) * st.Bsize}
	s.Used = s.Size - int64(st.Bfree)*st.Bsize
	if p.loop != nil {
		below, err := p.loop.room(s.Used)
		if err != nil {
			return Space{}, err
		}
		s.Free = min(s.Free, below)
	}
	return s, nil
}

// Free returns the bytes that can still be written to the pool and its size.
func (p *Pool) Free(ctx context.Context) (free, total int64, err error) {
	s, err := p.Space(ctx)
	return s.Free, s.Size, err
}

// checkName refuses what would leave the directory that a name is meant for. Names with a first dot are the pool's own.
func checkName(name string) error {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, "/\x00") || len(name) > 200 {
		return fmt.Errorf("%q is not a name of a site or image", name)
	}
	return nil
}

// openSubdir opens a directory, which must not be a symbolic link.
func openSubdir(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
}

// names lists a directory of the layout, without the pool's own names.
func (p *Pool) names(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(p.dir, dir))
	if err != nil {
		return nil, fmt.Errorf("list pool: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Alive returns once it has had the lock that the methods share: never, where a holder hangs.
func (p *Pool) Alive() {
	p.mu.Lock()
	defer p.mu.Unlock()
}
