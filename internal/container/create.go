package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/container/entry"
	"github.com/logis-project/logis/internal/fault"
	"github.com/logis-project/logis/internal/linux"
)

// Spec is what a container is made from.
type Spec struct {
	Name       string // the site's
	IDBase     uint32 // first of 65,536 host ids
	Layers     Layers
	Data       Layers // of the data volume; zero for none
	DataTarget string // where it is mounted inside
	Resolver   []string
	Limits     Limits
	Handed     Handed // nil: it is handed nothing, and can be handed nothing later
	// Lay are files, by their paths below the root, that are laid down at the start where the container has none of the name and has the
	// directory: what a site of an earlier release lacks.
	Lay map[string]string
}

// Create makes the namespaces of a container, with a first process that waits. The caller connects its network through
// NetNS and then calls Start. The cgroup is made meanwhile, because to move a process the kernel waits for a grace period
// of RCU, 15 ms on an idle machine, and so is its view: Start says how that went. On error nothing is left.
func (r *Runtime) Create(ctx context.Context, spec Spec) (_ *Container, err error) {
	if err := os.Mkdir(r.dir(spec.Name), 0o700); err != nil {
		return nil, fmt.Errorf("make run directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.removeDir(spec.Name))
		}
	}()
	c := &Container{runtime: r, name: spec.Name, spec: spec, done: make(chan struct{})}
	c.beginView()
	if err := c.launch(ctx); err != nil {
		for _, m := range c.takeView() {
			m.Close()
		}
		return nil, err
	}
	c.watchers.Go(c.watch)
	defer func() {
		if err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
			defer cancel()
			err = errors.Join(err, c.Kill(undo), c.Release(undo))
		}
	}()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if c.cgroup, err = r.newCgroup(spec.Name, spec.Limits); err != nil {
		return nil, err
	}
	if err := fault.Point("container: first process"); err != nil {
		return nil, err
	}
	c.limited = make(chan struct{})
	c.watchers.Go(func() {
		defer close(c.limited)
		c.limitErr = c.limit()
	})
	return c, nil
}

// limit makes the cgroup, moves the first process into it and sets the limits.
func (c *Container) limit() error {
	if err := c.cgroup.join(c.pid); err != nil {
		return err
	}
	if err := fault.Point("container: cgroup"); err != nil {
		return err
	}
	return c.cgroup.set(c.spec.Limits)
}

const (
	undoTimeout  = 10 * time.Second
	entryTimeout = 20 * time.Second // of launch and setup; both take milliseconds
)

// launch runs `logis-init launch`, which clones the first process and ends, and takes over its pidfd.
func (c *Container) launch(ctx context.Context) error {
	ours, theirs, err := channel()
	if err != nil {
		return err
	}
	defer theirs.Close()
	c.channel = ours
	listener, err := listen(c.controlPath())
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	defer listener.Close()
	// O_PATH: descriptor and link in /proc of the first process give execution and no reading.
	binary, err := os.OpenFile(c.runtime.binary, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.Join(fmt.Errorf("open logis-init: %w", err), ours.Close())
	}
	defer binary.Close()

	words, err := c.openLastWords()
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	defer words.Close()

	runErr := c.runLaunch(ctx, words, theirs, listener, binary)
	err = c.receiveLaunched(ctx)
	if runErr != nil && (err == nil || isEnd(err) || errors.Is(err, unix.EAGAIN)) {
		err = runErr // launch did not say why
	}
	if err == nil {
		c.startTicks, err = c.processStart()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("launch: %w", err), c.Close()) // the first process ends with the channel
	}
	c.startedAt = time.Now()
	return nil
}

func (c *Container) processStart() (uint64, error) {
	ticks, err := linux.ProcessStart(c.pid)
	if linux.PidfdEnded(c.pidfd) {
		err = errEnded // what was read may be another process's
	}
	return ticks, err
}

var errEnded = errors.New("the first process ended")

// runLaunch runs `logis-init launch` to its end. What it had to say then waits on the channel.
func (c *Container) runLaunch(ctx context.Context, stderr *os.File, files ...*os.File) error {
	// Not ended with the caller's: killed after its clone it would leave a first process that we know no pidfd of.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), entryTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.runtime.binary, "launch", strconv.FormatUint(uint64(c.spec.IDBase), 10))
	cmd.Env = []string{entry.Hasty}
	cmd.Stderr, cmd.ExtraFiles = stderr, files
	return cmd.Run()
}

// receiveLaunched takes over the pidfd. It does not wait: a launch that was killed says nothing, and the first process may
// have the channel open.
func (c *Container) receiveLaunched(ctx context.Context) error {
	msg, fds, err := c.receive(ctx, false)
	if err != nil {
		return err
	}
	var launched entry.Launched
	if err := json.Unmarshal(msg, &launched); err != nil || launched.PID <= 0 || len(fds) != 1 {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		return errors.New("unexpected answer of logis-init launch")
	}
	c.pid = launched.PID
	c.pidfd, err = linux.NewPidfd(fds[0])
	return err
}

// channel makes the socket pair between logisd and the entry of a container.
func channel() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make channel: %w", err)
	}
	mine := os.NewFile(uintptr(fds[0]), "channel")
	defer mine.Close()
	theirs = os.NewFile(uintptr(fds[1]), "channel")
	conn, err := net.FileConn(mine)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make channel: %w", err), theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}

// listen makes the control socket; PID 1 inherits it and logisd connects to its path, which no site can reach.
func listen(path string) (*os.File, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make control socket: %w", err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	return l.File()
}

// receive reads one message of the entry, or fails with EAGAIN if there is none and it is not to wait. The end of the
// channel is io.EOF.
func (c *Container) receive(ctx context.Context, wait bool) ([]byte, []int, error) {
	raw, err := c.channel.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.channel.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buf, oob := make([]byte, entry.MaxSpec), make([]byte, unix.CmsgSpace(4))
	var n, oobn int
	var recvErr error
	err = raw.Read(func(fd uintptr) bool {
		n, oobn, _, _, recvErr = unix.Recvmsg(int(fd), buf, oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		return recvErr != unix.EAGAIN || !wait
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case err != nil:
		return nil, nil, err
	case recvErr != nil:
		return nil, nil, recvErr
	case n == 0:
		return nil, nil, io.EOF
	}
	var failure entry.Failure
	if err := json.Unmarshal(buf[:n], &failure); err == nil && failure.Error != "" {
		return nil, nil, errors.New(failure.Error)
	}
	var fds []int
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, nil, err
	}
	for i := range messages {
		rights, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, nil, err
		}
		fds = append(fds, rights...)
	}
	return buf[:n], fds, nil
}

// NetNS opens the container's network namespace; the caller closes it.
func (c *Container) NetNS() (*os.File, error) { return c.namespace("net") }

func (c *Container) namespace(kind string) (*os.File, error) {
	f, err := os.Open(filepath.Join("/proc", strconv.Itoa(c.pid), "ns", kind))
	if linux.PidfdEnded(c.pidfd) {
		f.Close() // it may be another process's
		return nil, errEnded
	}
	return f, err
}

// Start assembles the root, hands it over once the limits are in force, and returns when PID 1 has taken the place of the
// entry.
func (c *Container) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, entryTimeout, errors.New("no answer in time"))
	defer cancel()
	defer c.channel.Close()
	userns, err := c.namespace("user")
	if err != nil {
		return fmt.Errorf("open user namespace: %w", err)
	}
	defer userns.Close()
	root, err := assembleRoot(c.spec.Layers, userns)
	if err != nil {
		return fmt.Errorf("assemble root: %w", err)
	}
	defer root.Close()
	fds := []int{int(root.Fd())}
	spec := entry.Spec{
		Name: c.name, Resolver: c.spec.Resolver, Filter: c.runtime.filter, Keep: keptNumbers(),
		OpenFiles: uint64(c.spec.Limits.OpenFiles), LogSize: c.spec.Limits.LogSize,
	}
	for path, content := range c.spec.Lay {
		spec.Lay = append(spec.Lay, entry.File{Path: path, Content: content})
	}
	if c.spec.Data != (Layers{}) {
		data, err := assembleData(c.spec.Data)
		if err != nil {
			return fmt.Errorf("assemble data volume: %w", err)
		}
		defer data.Close()
		fds, spec.DataTarget = append(fds, int(data.Fd())), c.spec.DataTarget
	}
	if c.spec.Handed != nil {
		handed, err := openHanded(c.spec)
		if err != nil {
			return fmt.Errorf("make what it is handed: %w", err)
		}
		defer handed.Close()
		fds, spec.Handed = append(fds, int(handed.Fd())), true
	}
	for _, m := range c.takeView() {
		defer m.Close()
		fds, spec.View = append(fds, int(m.Fd())), append(spec.View, m.Name())
	}
	msg, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("encode spec: %w", err)
	}
	select {
	case <-c.limited:
		err = c.limitErr
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	if err := c.save(); err != nil {
		return err
	}
	if err := fault.Point("container: saved"); err != nil {
		return err
	}
	if _, _, err := c.channel.WriteMsgUnix(msg, unix.UnixRights(fds...), nil); err != nil {
		return fmt.Errorf("send spec: %w", err)
	}
	if err := fault.Point("container: spec sent"); err != nil {
		return err
	}
	// A failure is told; a success closes the channel by execve(2).
	if _, _, err := c.receive(ctx, true); err != nil && !isEnd(err) {
		return fmt.Errorf("set up: %w", err)
	}
	if linux.PidfdEnded(c.pidfd) {
		return fmt.Errorf("set up: %w", errEnded)
	}
	c.logSize.Store(c.spec.Limits.LogSize)
	return nil
}
