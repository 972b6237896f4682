package lxcfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// answerTime bounds each wait for a server's answer: it parses a few files of the kernel, in well under a millisecond.
const answerTime = 5 * time.Second

// server is one running lxcfs whose files are open.
type server struct {
	pid   int
	pidfd *os.File
	dir   string   // where it is mounted, in its own mount namespace
	own   *process // nil: it is the host's

	files  []*os.File    // O_PATH, named by what they are below a root
	device string        // of them
	done   chan struct{} // closed when it has ended
}

// newServer takes a process over; close lets go of it.
func newServer(pid int, pidfd *os.File, dir string, own *process) *server {
	s := &server{pid: pid, pidfd: pidfd, dir: dir, own: own, done: make(chan struct{})}
	go func() { // until it ends, or is let go of
		if linux.WaitPidfd(pidfd) == nil {
			close(s.done)
		}
	}()
	return s
}

func (s *server) String() string {
	if s.own == nil {
		return fmt.Sprintf("the host's, mounted on %s, process %d", s.dir, s.pid)
	}
	return fmt.Sprintf("logisd's own, process %d", s.pid)
}

func (s *server) ended() bool { return linux.PidfdEnded(s.pidfd) }

func (s *server) close() {
	closeAll(s.files)
	s.pidfd.Close()
}

// leave lets go of the server, and ends it if it is our own.
func (s *server) leave(ctx context.Context) error {
	defer s.close()
	if s.own == nil {
		return nil
	}
	if err := linux.SignalPidfd(s.pidfd, unix.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end lxcfs: %w", err)
	}
	select {
	case <-s.done:
	case <-ctx.Done():
		return fmt.Errorf("wait for lxcfs to end: %w", context.Cause(ctx))
	}
	return s.own.clean(ctx)
}

// open opens the server's files and reads one of them. A server that does not answer in time is an error; its own thread then
// waits on until the server ends.
func (s *server) open() error {
	type opened struct {
		files  []*os.File
		device uint64
		err    error
	}
	result := make(chan opened, 1)
	go func() {
		var o opened
		o.err = linux.InMountNS(s.pidfd, func() error {
			for _, name := range Files() {
				path := filepath.Join(s.dir, name)
				fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
				if err != nil {
					return &os.PathError{Op: "open", Path: path, Err: err}
				}
				o.files = append(o.files, os.NewFile(uintptr(fd), name))
				var stat unix.Stat_t
				if err := unix.Fstat(fd, &stat); err != nil {
					return fmt.Errorf("stat %s: %w", path, err)
				}
				o.device = stat.Dev
			}
			return nil
		})
		result <- o
	}()
	select {
	case o := <-result:
		if o.err != nil {
			closeAll(o.files)
			return fmt.Errorf("open the files of lxcfs: %w", o.err)
		}
		s.files = o.files
		s.device = fmt.Sprintf("%d:%d", unix.Major(o.device), unix.Minor(o.device))
		return s.answers()
	case <-time.After(answerTime):
		go func() { closeAll((<-result).files) }()
		return errHangs
	}
}

var errHangs = fmt.Errorf("lxcfs has not answered for %s", answerTime)

// answers reads a file of the server's, and says that it hangs if that takes too long.
func (s *server) answers() error {
	i := slices.IndexFunc(s.files, func(f *os.File) bool { return f.Name() == "proc/meminfo" })
	fd, err := unix.FcntlInt(s.files[i].Fd(), unix.F_DUPFD_CLOEXEC, 0) // s may be closed before the answer comes
	if err != nil {
		return fmt.Errorf("ask lxcfs: %w", err)
	}
	result := make(chan error, 1)
	go func() {
		defer unix.Close(fd)
		f, err := os.Open("/proc/self/fd/" + strconv.Itoa(fd))
		if err == nil {
			_, err = f.Read(make([]byte, 64))
			f.Close()
		}
		result <- err
	}()
	select {
	case err := <-result:
		if err != nil {
			return fmt.Errorf("ask lxcfs: %w", err)
		}
		return nil
	case <-time.After(answerTime):
		return errHangs
	}
}
