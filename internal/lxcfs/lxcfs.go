// Package lxcfs owns the source of a site's own view of memory, processors, load and uptime: files of lxcfs(1) that are
// mounted over those of /proc and /sys. It uses the lxcfs that the host runs, if that tells all that sites need, and else
// runs one of its own as long as a site uses it, in a mount namespace of its own, so that nothing of it shows on the host. It
// knows no site beyond a name, mounts nothing into one, and never ends or changes the host's lxcfs. A server that hangs must
// not hang its callers: whatever waits for one has a bound.
package lxcfs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// ErrNoProgram says that lxcfs is not installed.
var ErrNoProgram = errors.New("lxcfs is not installed: apt-get install lxcfs")

// errPaused says that a start is not due yet.
var errPaused = errors.New("tried again")

// Files of a server that a site sees instead of the kernel's, as paths below its root. Not slabinfo: the kernel lets only the
// host's root read it, and lxcfs would show it to everybody. Nor diskstats, which on cgroup v1 are the host's.
func Files() []string {
	return []string{
		"proc/cpuinfo", "proc/loadavg", "proc/meminfo", "proc/stat", "proc/swaps", "proc/uptime",
		"sys/devices/system/cpu/online",
	}
}

// Options of New.
type Options struct {
	Instance string // prefix of the server's cgroup
	State    string // file that names the own server, for the next logisd
	Log      *slog.Logger
}

// View is the server in use, if any. Its methods are safe for concurrent use.
type View struct {
	opts Options
	kick chan struct{} // a server came or went: Watch looks

	mu      sync.Mutex
	server  *server         // nil when none runs
	fresh   bool            // and Watch has not told of it
	users   map[string]bool // sites that need one
	pause   pause           // before the next start of an own one
	failure error           // why there is one
	shunned int             // the host's that hung, by its PID
	told    string          // the last error that was logged
}

// New takes over the server that an earlier logisd left running, and starts none.
func New(opts Options) *View {
	v := &View{opts: opts, kick: make(chan struct{}, 1), users: map[string]bool{}}
	s, err := adopt(opts)
	if err != nil {
		opts.Log.Warn("take over lxcfs: another is started for the next site", "error", err)
	}
	v.server, v.fresh = s, s != nil
	return v
}

// Open returns detached, read-only mounts of Files for a site, each named as it is to be mounted below the site's root; a server
// is there for the site from here on until Leave. The caller closes them.
func (v *View) Open(site string) ([]*os.File, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users[site] = true
	return v.mounts()
}

// Mounts returns what Open does, for a site that was said to be there.
func (v *View) Mounts() ([]*os.File, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.users) == 0 {
		return nil, errors.New("no site is to see through lxcfs")
	}
	return v.mounts()
}

func (v *View) mounts() ([]*os.File, error) {
	if err := v.ensure(); err != nil {
		return nil, err
	}
	return v.server.clone()
}

// Keep says that a site which runs already uses the server.
func (v *View) Keep(site string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.users[site] = true
}

// Leave says that a site has ended. With the last one goes a server of our own: Watch, or else Settle, ends it, so that the end of
// the site need not wait for that.
func (v *View) Leave(site string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.users, site)
	if len(v.users) == 0 {
		v.wake()
	}
}

// Down ends a server of our own: no site runs.
func (v *View) Down(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.users)
	return v.settle(ctx)
}

// Settle ends a server of our own that no site uses.
func (v *View) Settle(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.settle(ctx)
}

func (v *View) settle(ctx context.Context) error {
	if len(v.users) > 0 || v.server == nil {
		return nil
	}
	s := v.server
	v.server = nil
	v.wake()
	return v.end(ctx, s)
}

// Close lets go of the server, which goes on running.
func (v *View) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.server != nil {
		v.server.close()
		v.server = nil
	}
}

// Device is the file system that Open's mounts are of, "0:42" as mount tables have it; "" when there is no server.
func (v *View) Device() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.server == nil || v.server.ended() {
		return ""
	}
	return v.server.device
}

// Found says which server tells sites what they have, as doctor shows it; "" when none does.
func (v *View) Found() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.server == nil || v.server.ended() {
		return ""
	}
	return v.server.String()
}

// ensure finds or starts a server unless one runs; v.mu is held.
func (v *View) ensure() error {
	if v.server != nil && !v.server.ended() {
		return nil
	}
	if s := v.server; s != nil {
		v.server = nil
		v.opts.Log.Warn("lxcfs ended", "server", s.String())
		if s.own != nil {
			v.pause.ended(time.Now())
			v.failure = errors.New("lxcfs ends again and again")
		}
		if err := v.end(context.Background(), s); err != nil {
			return err
		}
	}
	s, err := findHost(v.shunned)
	if err != nil {
		v.opts.Log.Warn("the host's lxcfs cannot be used", "error", err)
	}
	if s == nil {
		if s, err = v.start(); err != nil {
			return err
		}
	}
	v.server, v.fresh, v.told = s, true, ""
	v.opts.Log.Info("sites see through lxcfs what they have", "server", s.String())
	v.wake()
	return nil
}

// start starts an own server, unless the last one ended just now.
func (v *View) start() (*server, error) {
	now := time.Now()
	if wait := v.pause.left(now); wait > 0 {
		return nil, fmt.Errorf("%w: %w in %s", v.failure, errPaused, wait.Round(time.Second))
	}
	v.pause.began = now
	s, err := start(v.opts)
	if err != nil {
		v.pause.ended(now)
		v.failure = err
	}
	return s, err
}

// end ends a server, within a bound of its own.
func (v *View) end(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	return s.leave(ctx)
}

func (v *View) wake() {
	select {
	case v.kick <- struct{}{}:
	default:
	}
}

// clone makes detached mounts of the server's files. It asks the server nothing, which may hang.
func (s *server) clone() (_ []*os.File, err error) {
	var mounts []*os.File
	defer func() {
		if err != nil {
			closeAll(mounts)
		}
	}()
	// Before Linux 6.15 a mount is cloned only by a thread that is in its namespace.
	err = linux.InMountNS(s.pidfd, func() error {
		for _, f := range s.files {
			m, err := linux.CloneFile(f)
			if err != nil {
				return err
			}
			mounts = append(mounts, m)
			const attrs = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
			if err := linux.SetMountAttr(m, attrs, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("clone the files of lxcfs: %w", err)
	}
	return mounts, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
