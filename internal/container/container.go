package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/linux"
)

// Container is one container whose first process was made or adopted. Its methods are safe for concurrent use, but for
// Start and Release, which the owner calls once.
type Container struct {
	runtime    *Runtime
	name       string
	spec       Spec // of Create; empty after Adopt
	pid        int
	pidfd      *os.File
	startTicks uint64
	startedAt  time.Time
	channel    *net.UnixConn // to the entry, until Start ends
	cgroup     *cgroup
	logSize    atomic.Int64    // that PID 1 has taken; 0 is not known, or olderPID1
	tuning     sync.Mutex      // one Tune at a time
	view       chan []*os.File // holds what openView returned, once
	limited    chan struct{}   // closed when limit has returned limitErr; nil after Adopt
	limitErr   error
	done       chan struct{} // closed when PID 1 has ended
	watchers   sync.WaitGroup

	renewing sync.Mutex // held while the files that it sees through are replaced
	handing  sync.Mutex // held while what it is handed is changed

	mu     sync.Mutex
	unseen string // why it sees the host's values instead of its own; "" when it does not
}

// saved is what lets a new logisd find the container: the PID alone could by then be another process.
type saved struct {
	PID        int       `json:"pid"`
	StartTicks uint64    `json:"start_ticks"` // since boot, proc(5)
	StartedAt  time.Time `json:"started_at"`
}

func (c *Container) statePath() string { return filepath.Join(c.runtime.dir(c.name), "container.json") }

func (c *Container) controlPath() string { return filepath.Join(c.runtime.dir(c.name), "control.sock") }

func (c *Container) save() error {
	data, err := json.Marshal(saved{c.pid, c.startTicks, c.startedAt})
	if err != nil {
		return fmt.Errorf("encode container: %w", err)
	}
	if err := renameio.WriteFile(c.statePath(), data, 0o600, renameio.WithTempDir(c.runtime.dir(c.name))); err != nil {
		return fmt.Errorf("save container: %w", err)
	}
	return nil
}

// Adopt finds the running container of a site after a restart of logisd. ErrNotRunning is returned when PID 1 has ended,
// or never came to be.
func (r *Runtime) Adopt(name string) (*Container, error) {
	c := &Container{runtime: r, name: name, done: make(chan struct{})}
	data, err := os.ReadFile(c.statePath())
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("read container: %w", err)
	}
	var s saved
	if err := json.Unmarshal(data, &s); err != nil || s.PID <= 0 {
		return nil, ErrNotRunning // a crash cannot leave this: it is written by rename. Whatever wrote it, no PID is trusted
	}
	pidfd, err := linux.OpenPidfd(s.PID)
	// The last two: the PID is by now a thread's, said one way up to Linux 6.15 and the other since.
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	// The start time is read after the pidfd is open: if it is the container's, so is the pidfd.
	ticks, err := linux.ProcessStart(s.PID)
	if err != nil || ticks != s.StartTicks || linux.PidfdEnded(pidfd) {
		return nil, errors.Join(ErrNotRunning, pidfd.Close())
	}
	c.pid, c.pidfd, c.startTicks, c.startedAt = s.PID, pidfd, s.StartTicks, s.StartedAt
	if c.cgroup, err = r.newCgroup(name, Limits{}); err != nil {
		return nil, errors.Join(err, pidfd.Close())
	}
	c.watchers.Go(c.watch)
	return c, nil
}

// watch closes done when PID 1 has ended. It ends by then, or when Close takes the pidfd away.
func (c *Container) watch() {
	if err := linux.WaitPidfd(c.pidfd); err == nil {
		close(c.done)
	}
}

// PID of PID 1, in the host's namespace.
func (c *Container) PID() int { return c.pid }

// StartedAt is when the first process was made.
func (c *Container) StartedAt() time.Time { return c.startedAt }

// Warnings lists what of limits this host does not enforce, and what the container does not see. They are known once Start has
// returned.
func (c *Container) Warnings(l Limits) []string {
	warnings := c.cgroup.warnings(l)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range [...]string{c.openFilesGap(l.OpenFiles), c.logSizeGap(), c.unseen} {
		if w != "" {
			warnings = append(warnings, w)
		}
	}
	return warnings
}

// Done is closed when PID 1 has ended, and with it every process of the site. After Close it no longer is.
func (c *Container) Done() <-chan struct{} { return c.done }

// Usage as the kernel counts it now.
func (c *Container) Usage() (Usage, error) { return c.cgroup.usage() }

// Dial connects to PID 1's control socket and sends one request. The answer is written by the site: bound every read.
func (c *Container) Dial(ctx context.Context, req control.Request) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", c.controlPath())
	if err != nil {
		return nil, fmt.Errorf("reach PID 1: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetWriteDeadline(deadline)
	}
	if err := control.Write(conn, req); err != nil {
		return nil, errors.Join(fmt.Errorf("reach PID 1: %w", err), conn.Close())
	}
	return conn, conn.SetWriteDeadline(time.Time{})
}

// Stop asks PID 1 to stop the services in their order and waits until it has ended. After grace it is killed.
func (c *Container) Stop(ctx context.Context, grace time.Duration) error {
	if err := linux.SignalPidfd(c.pidfd, unix.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.done:
		return nil
	case <-timer.C:
		return c.Kill(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends PID 1; the kernel then ends every process of its PID namespace (pid_namespaces(7)).
func (c *Container) Kill(ctx context.Context) error {
	if err := c.awaitLimit(ctx); err != nil {
		return err
	}
	if err := linux.SignalPidfd(c.pidfd, unix.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for PID 1 to end: %w", ctx.Err())
	}
}

// awaitLimit waits until limit has returned: it knows PID 1 by its number alone, which must not become another process's
// meanwhile.
func (c *Container) awaitLimit(ctx context.Context) error {
	if c.limited == nil {
		return nil
	}
	select {
	case <-c.limited:
		return nil
	default:
	}
	select {
	case <-c.limited:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the limits of PID 1: %w", ctx.Err())
	}
}

// Release takes away the cgroup and the run directory of a container that has ended, and closes what was open.
func (c *Container) Release(ctx context.Context) error {
	errs := []error{c.Close()}
	if c.cgroup != nil {
		errs = append(errs, c.cgroup.empty(ctx), c.cgroup.remove())
	}
	return errors.Join(append(errs, c.runtime.removeDir(c.name))...)
}

// Close lets go of a container and leaves it running: logisd ends, or it is released.
func (c *Container) Close() error {
	// A first process that waits for Start ends with the channel. limit ends by itself, and is waited for below anyway.
	_ = c.awaitLimit(context.Background())
	if c.channel != nil {
		_ = c.channel.Close() // closed already once started
	}
	for _, m := range c.takeView() { // of one that was not started
		m.Close()
	}
	if c.pidfd == nil {
		return nil // launch failed
	}
	if err := c.pidfd.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close pidfd: %w", err)
	}
	c.watchers.Wait()
	return nil
}

// isEnd tells whether err says that the other side closed the channel.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) }
