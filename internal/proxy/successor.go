package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

const (
	patience = 10 * time.Second // that a successor has to serve
	lastWord = 2 * time.Second  // that one has to end which did not take over

	successorEnv = "LOGIS_PROXY_SUCCESSOR" // see Become
)

// Successor is how a logis-proxy starts the one that takes its place, as the same user and with its sockets, so that no
// visitor is refused.
type Successor struct {
	Path     string        // of the program; see Executable
	Args     []string      // without the program's name
	Patience time.Duration // that it has to serve; 0 is 10 s
	Log      *slog.Logger
}

// Executable returns the path that this process was started by, called with its os.Args[0]. A path with a symbolic link in
// it, or one relative to the working directory, is kept as it is: it leads to the newest program, and to where a user
// without rights may not pass.
func Executable(arg0 string) (string, error) {
	if strings.Contains(arg0, "/") {
		running, err1 := os.Stat("/proc/self/exe")
		named, err2 := os.Stat(arg0)
		if err1 == nil && err2 == nil && os.SameFile(running, named) {
			return arg0, nil
		}
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find own program: %w", err)
	}
	return path, nil
}

// Become turns a process that Start has started into the successor proper, and does nothing in every other. Only here is
// known the process id that LISTEN_PID must be. It is called first of all, while the program is still the predecessor's.
func Become() error {
	path, ok := os.LookupEnv(successorEnv)
	if !ok {
		return nil
	}
	// Neither fails: the names are valid.
	_ = os.Unsetenv(successorEnv)
	_ = os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	err := syscall.Exec(path, os.Args, os.Environ())
	if own, e := os.Executable(); e == nil && !filepath.IsAbs(path) { // the working directory may have been made anew
		_ = syscall.Exec(own, os.Args, os.Environ())
	}
	return fmt.Errorf("execute %s: %w", path, err)
}

// Start starts the successor, passes counts on to it and returns when it serves; systemd, where it started this process, then knows it as the main
// one. On an error there is no successor any more; one is that ctx is done before the successor serves.
func (s Successor) Start(ctx context.Context, sockets []Socket, counts *os.File) error {
	notify(s.Log, fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonic()))
	pid, err := s.start(ctx, sockets, counts)
	if err != nil {
		notify(s.Log, "READY=1")
		return err
	}
	s.Log.Info("handed over", "successor", pid)
	notify(s.Log, fmt.Sprintf("MAINPID=%d\nREADY=1", pid))
	return nil
}

func (s Successor) start(ctx context.Context, sockets []Socket, counts *os.File) (pid int, err error) {
	word, ready, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("start successor: %w", err)
	}
	defer word.Close()
	cmd := s.command()
	names := make([]string, 0, len(sockets)+1)
	for _, socket := range sockets {
		f, err := socket.dup()
		if err != nil {
			ready.Close()
			return 0, fmt.Errorf("pass on %s: %w", socket.Addr(), err)
		}
		defer f.Close()
		cmd.ExtraFiles, names = append(cmd.ExtraFiles, f), append(names, socket.name)
	}
	cmd.ExtraFiles, names = append(cmd.ExtraFiles, ready, counts), append(names, nameReady, nameCounts)
	cmd.Env = append(cmd.Env,
		"LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"), successorEnv+"="+s.Path)
	err = cmd.Start()
	ready.Close() // so that the successor's end is the pipe's
	if err != nil {
		return 0, fmt.Errorf("start successor: %w", err)
	}
	if err := s.listen(ctx, word); err != nil {
		return 0, fmt.Errorf("%w (%s)", err, end(cmd))
	}
	pid = cmd.Process.Pid
	return pid, cmd.Process.Release() // whoever adopts it sees it end
}

// command returns what starts the successor: the program of this very process, whatever has become of its file, which turns
// into the one that lies on disk. See Become.
func (s Successor) command() *exec.Cmd {
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{s.Path}, s.Args...),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LISTEN_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// listen waits for the successor's word.
func (s Successor) listen(ctx context.Context, word *os.File) error {
	limit := s.Patience
	if limit == 0 {
		limit = patience
	}
	if err := word.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return fmt.Errorf("wait for successor: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = word.SetReadDeadline(time.Unix(1, 0)) }) // fails only on a closed file
	defer stop()
	_, err := word.Read(make([]byte, 1))
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("wait for successor: %w", ctx.Err())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it did not serve within %s", limit)
	case err != nil:
		return errors.New("it ended without serving")
	}
	return nil
}

// end ends a successor that did not take over, and says how it ended.
func end(cmd *exec.Cmd) string {
	_ = cmd.Process.Signal(syscall.SIGTERM) // fails only on a process that has ended
	kill := time.AfterFunc(lastWord, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	if err := cmd.Wait(); err != nil {
		return err.Error()
	}
	return cmd.ProcessState.String()
}

// notify tells systemd, if it asked for that (sd_notify(3)).
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("systemd does not hear of this process", "err", err)
	}
}

// monotonic is the clock that systemd compares with, in microseconds.
func monotonic() int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // fails only for an unknown clock
	return now.Nano() / 1000
}
