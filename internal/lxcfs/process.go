package lxcfs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// mountPoint of an own server, in its cell.
const mountPoint = "/view"

// process is what an own server has on the host beside itself.
type process struct {
	instance string
	state    string // file
}

// saved is what lets a new logisd find the server: the PID alone could by then be another process's.
type saved struct {
	PID        int    `json:"pid"`
	StartTicks uint64 `json:"start_ticks"` // since boot, proc(5)
}

// start starts a server of our own and returns once it answers. It is not logisd's to wait for after logisd's end: it outlives
// that, like the sites.
func start(opts Options) (_ *server, err error) {
	program, err := exec.LookPath("lxcfs")
	if err != nil {
		return nil, ErrNoProgram
	}
	own := &process{instance: opts.Instance, state: opts.State}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := own.clean(ctx); err != nil { // of one that a crash left before it could be taken over
		return nil, err
	}
	words, wordsEnd, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer words.Close()
	defer wordsEnd.Close()
	gate, gateEnd, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer gate.Close()
	defer gateEnd.Close()

	// The shell waits until the process can be found by the next logisd, whatever comes; without a word it ends.
	cmd := exec.Command("/bin/sh", "-c", `read -r go && exec "$@" </dev/null`, "sh", program,
		"-f", "--enable-loadavg", "--enable-cfs", "--pidfile=/run/lxcfs.pid", mountPoint)
	cmd.Env, cmd.Dir = []string{"PATH=/usr/bin:/bin", "MALLOC_ARENA_MAX=2"}, "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = gate, wordsEnd, wordsEnd
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	linux.OnOwnThread(func() {
		if err = enterCell(); err == nil {
			err = cmd.Start() // forks this thread, namespace and root included
		}
	})
	if err != nil {
		return nil, fmt.Errorf("start lxcfs: %w", err)
	}
	go func() { _ = cmd.Wait() }() // reaps it; whoever is to know of its end has the pidfd
	wordsEnd.Close()
	said := make(chan string, 1)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, io.LimitReader(words, 16<<10)) // ends with start, or with the process
		said <- b.String()
	}()
	pidfd, err := linux.OpenPidfd(cmd.Process.Pid)
	if err != nil {
		return nil, fmt.Errorf("start lxcfs: %w", err) // what was started ends by itself
	}
	s := newServer(cmd.Process.Pid, pidfd, mountPoint, own)
	defer func() {
		if err != nil {
			undo, cancel := context.WithTimeout(context.Background(), answerTime) // of ctx nothing may be left
			defer cancel()
			err = errors.Join(err, s.leave(undo))
		}
	}()
	group, err := newCgroup(opts.Instance)
	if err != nil {
		return nil, err
	}
	if err := group.join(s.pid); err != nil {
		return nil, err
	}
	if err := s.save(); err != nil {
		return nil, err
	}
	if _, err := gateEnd.WriteString("go\n"); err != nil {
		return nil, fmt.Errorf("start lxcfs: %w", err)
	}
	if err := s.awaitMount(ctx); err != nil {
		if s.ended() {
			err = fmt.Errorf("%w: %s", err, lastLine(<-said))
		}
		return nil, err
	}
	return s, s.open()
}

// awaitMount returns when the server has mounted its files: the mount is announced to nobody outside its namespace.
func (s *server) awaitMount(ctx context.Context) error {
	for pause := 500 * time.Microsecond; ; pause = min(2*pause, 50*time.Millisecond) {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", s.pid))
		if err == nil && bytes.Contains(table, []byte(" "+mountPoint+" ")) {
			return nil
		}
		if s.ended() {
			return errors.New("lxcfs ended while it started")
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errHangs
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	line := lines[len(lines)-1]
	return line[:min(len(line), 200)]
}

func (s *server) save() error {
	ticks, err := linux.ProcessStart(s.pid)
	if err != nil {
		return fmt.Errorf("read when lxcfs started: %w", err)
	}
	data, err := json.Marshal(saved{s.pid, ticks})
	if err != nil {
		return fmt.Errorf("encode lxcfs: %w", err)
	}
	if err := renameio.WriteFile(s.own.state, data, 0o600); err != nil {
		return fmt.Errorf("save lxcfs: %w", err)
	}
	return nil
}

// adopt finds the own server that an earlier logisd started; nil when there is none. One that does not answer is ended.
func adopt(opts Options) (*server, error) {
	own := &process{instance: opts.Instance, state: opts.State}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	data, err := os.ReadFile(opts.State)
	if errors.Is(err, os.ErrNotExist) {
		return nil, own.clean(ctx) // a logisd that was killed while it started one leaves a cgroup
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", opts.State, err)
	}
	var was saved
	if err := json.Unmarshal(data, &was); err != nil || was.PID <= 0 {
		return nil, own.clean(ctx)
	}
	pidfd, err := linux.OpenPidfd(was.PID)
	if err != nil {
		return nil, own.clean(ctx) // it has ended
	}
	s := newServer(was.PID, pidfd, mountPoint, own)
	// The start time is read after the pidfd is open: if it is the server's, so is the pidfd.
	if ticks, err := linux.ProcessStart(was.PID); err != nil || ticks != was.StartTicks || s.ended() {
		s.close()
		return nil, own.clean(ctx)
	}
	if err := s.open(); err != nil {
		undo, cancel := context.WithTimeout(context.Background(), answerTime)
		defer cancel()
		return nil, errors.Join(err, s.leave(undo))
	}
	return s, nil
}

// clean ends what is left in the server's cgroup and removes that and the state file.
func (p *process) clean(ctx context.Context) error {
	group, err := newCgroup(p.instance)
	if err != nil {
		return err
	}
	if err := group.remove(ctx); err != nil {
		return err
	}
	if err := os.Remove(p.state); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget lxcfs: %w", err)
	}
	return nil
}
