package guest

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

// Pauses before a service that died is started again. The longest is what a database that cannot start on a full disk
// waits after space was freed.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 4 * time.Second
	settled    = 10 * time.Second // a run of this length makes the next pause the first again
	killGrace  = 5 * time.Second  // for the kernel to end a process after SIGKILL
)

// service is one service at work.
type service struct {
	Service
	index int // on the board
	log   *serviceLog
	stop  chan struct{} // closed when its turn to stop has come
	done  chan struct{} // closed when it is stopped for good
}

// supervise keeps s running until ctx ends and s.stop is closed.
func (g *guest) supervise(ctx context.Context, s *service) {
	defer close(s.done)
	defer g.board.update(s.index, func(b *control.Service) {
		b.State, b.Ready, b.PID = stateStopped, false, 0
	})
	if !g.awaitNeeds(ctx, s) {
		return
	}
	for pause := firstPause; ; pause = nextPause(pause) {
		began := time.Now()
		err := g.runOnce(ctx, s)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= settled {
			pause = firstPause
		}
		g.board.update(s.index, func(b *control.Service) {
			b.State, b.Ready, b.PID, b.Error = stateFailed, false, 0, err.Error()
		})
		s.log.note(fmt.Sprintf("%v: starting again in %v", err, pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		g.board.update(s.index, func(b *control.Service) { b.Restarts++ })
	}
}

func nextPause(pause time.Duration) time.Duration { return min(2*pause, maxPause) }

// awaitNeeds returns when every service that s needs is ready; false when ctx ends first.
func (g *guest) awaitNeeds(ctx context.Context, s *service) bool {
	for {
		name, changed := g.board.unready(s.Needs)
		if name == "" {
			return ctx.Err() == nil
		}
		g.board.update(s.index, func(b *control.Service) { b.Error = "waits for " + name })
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// runOnce starts s and returns when it has ended, with the reason. Once s.stop is closed it ends s.
func (g *guest) runOnce(ctx context.Context, s *service) error {
	p, err := g.launch(s)
	if err != nil {
		return err
	}
	g.board.update(s.index, func(b *control.Service) {
		b.State, b.PID, b.Error = stateStarting, p.pid, ""
	})
	checking, cancel := context.WithCancel(ctx)
	checked := make(chan struct{})
	go func() {
		defer close(checked)
		g.awaitReady(checking, s)
	}()
	select {
	case <-p.done:
		cancel()
		<-checked
	case <-s.stop:
		cancel()
		<-checked
		g.endService(s, p)
	}
	endSession(ctx, p.pid) // workers of a dead master would keep its ports and its locks
	select {
	case <-p.done:
		return errors.New(p.describe())
	default:
		return errors.New("does not end")
	}
}

// endService gives s its signal, its time and then SIGKILL.
func (g *guest) endService(s *service, p *process) {
	g.board.update(s.index, func(b *control.Service) { b.State, b.Ready = stateStopping, false })
	p.signal(syscall.Signal(s.StopSignal))
	select {
	case <-p.done:
		return
	case <-time.After(time.Duration(s.StopTimeout)):
	}
	s.log.note(fmt.Sprintf("did not stop within %v: killed", time.Duration(s.StopTimeout)))
	p.signalGroup(syscall.SIGKILL)
	select {
	case <-p.done:
	case <-time.After(killGrace):
	}
}

// launch makes the directories of s and starts its process, with the log as its output.
func (g *guest) launch(s *service) (*process, error) {
	user, err := g.accounts.lookup(s.User)
	if err != nil {
		return nil, err
	}
	if err := g.makeDirectories(s.Directories); err != nil {
		return nil, err
	}
	null, err := openNull()
	if err != nil {
		return nil, err
	}
	defer unix.Close(null)
	// A service that is not root's may open /dev/stderr, which asks for permission on the pipe. Best effort.
	_ = unix.Fchown(s.log.input, int(user.uid), int(user.gid))
	return g.start(command{
		argv: s.Exec, user: user, env: environ(s.Environment), dir: "/", files: [3]int{null, s.log.input, s.log.input},
	})
}

func environ(m map[string]string) []string {
	env := make([]string, 0, len(m))
	for k, v := range m {
		env = append(env, k+"="+v)
	}
	return env
}
