package guest

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	name   string
	index  int // on the board
	log    *serviceLog
	orders chan order
	begun  chan struct{} // holds one once its program was executed for the first time, or waits for others
	stop   chan struct{} // closed when its turn to stop has come
	done   chan struct{} // closed when it is stopped for good

	mu   sync.Mutex
	spec Service // what its file said when it was last ordered to start
}

// begins says that s has begun, to whoever waits for that.
func (s *service) begins() {
	select {
	case s.begun <- struct{}{}:
	default: // said already
	}
}

// take makes spec what the service is from its next start on.
func (s *service) take(spec Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spec = spec
}

func (s *service) current() Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec
}

func (s *service) needs() []string { return s.current().Needs }

// supervise keeps s running until ctx ends and s.stop is closed, but for orders to stop and start it.
func (g *guest) supervise(ctx context.Context, s *service) {
	defer close(s.done)
	defer s.begins()
	defer g.board.update(s.index, func(b *control.Service) {
		b.State, b.Ready, b.PID = stateStopped, false, 0
	})
	met, off, pause := false, false, firstPause
	for ctx.Err() == nil {
		var o *order
		switch {
		case off:
			o = s.next(ctx, nil)
		case !met:
			met, o = g.awaitNeeds(ctx, s)
		default:
			o = g.runAgain(ctx, s, &pause)
		}
		if o != nil {
			off, pause = g.obey(s, *o), firstPause
			met = met && o.what != orderStop
		}
	}
}

// runAgain runs s until it ends, and then waits for the pause, which grows. An order ends either, and is returned.
func (g *guest) runAgain(ctx context.Context, s *service, pause *time.Duration) *order {
	began := time.Now()
	o, err := g.runOnce(ctx, s)
	if o != nil || ctx.Err() != nil {
		return o
	}
	if time.Since(began) >= settled {
		*pause = firstPause
	}
	g.board.update(s.index, func(b *control.Service) {
		b.State, b.Ready, b.PID, b.Error = stateFailed, false, 0, err.Error()
	})
	s.log.note(fmt.Sprintf("%v: starting again in %v", err, *pause))
	if o := s.next(ctx, time.After(*pause)); o != nil || ctx.Err() != nil {
		return o
	}
	g.board.update(s.index, func(b *control.Service) { b.State, b.Restarts = stateStarting, b.Restarts+1 }) // at once: a failed one has died as often
	*pause = nextPause(*pause)
	return nil
}

func nextPause(pause time.Duration) time.Duration { return min(2*pause, maxPause) }

// awaitNeeds returns true when every service that s needs is ready; false when ctx ends or an order comes first.
func (g *guest) awaitNeeds(ctx context.Context, s *service) (bool, *order) {
	for {
		name, changed := g.board.unready(s.needs())
		if name == "" {
			return ctx.Err() == nil, nil
		}
		g.board.update(s.index, func(b *control.Service) { b.State, b.Error = stateWaiting, "waits for "+name })
		s.begins()
		select {
		case <-changed:
		case o := <-s.orders:
			return false, &o
		case <-ctx.Done():
			return false, nil
		}
	}
}

// runOnce starts s and returns when it has ended, with the reason. Once s.stop is closed, or an order is there, which is
// returned, it ends s. An order to start what runs is obeyed already.
func (g *guest) runOnce(ctx context.Context, s *service) (*order, error) {
	spec, began := s.current(), time.Now()
	before, _ := stampOf(spec.Ready.Made) // the zero one where nothing is there
	p, err := g.launch(s, spec)
	s.begins()
	if err != nil {
		return nil, err
	}
	g.board.update(s.index, func(b *control.Service) {
		b.State, b.PID, b.Error = stateStarting, p.pid, ""
	})
	asking := ctx
	if spec.StartGrace > 0 {
		asking = context.WithoutCancel(ctx) // also while the site stops
	}
	checking, cancel := context.WithCancel(asking)
	checked := make(chan struct{})
	go func() {
		defer close(checked)
		g.awaitReady(checking, s, spec.Ready, before)
	}()
	o := s.awaitEnd(p)
	if grace := time.Duration(spec.StartGrace) - time.Since(began); grace > 0 {
		select {
		case <-checked:
		case <-p.done:
		case <-time.After(grace):
		}
	}
	cancel()
	<-checked
	select {
	case <-p.done:
	default:
		g.endService(s, spec, p)
	}
	endSession(ctx, p.pid) // workers of a dead master would keep its ports and its locks
	select {
	case <-p.done:
		return o, errors.New(p.describe())
	default:
		return o, errors.New("does not end")
	}
}

// awaitEnd returns when the process of s has ended, is to be ended, or an order came that ends it.
func (s *service) awaitEnd(p *process) *order {
	for {
		select {
		case <-p.done:
			return nil
		case <-s.stop:
			return nil
		case o := <-s.orders:
			if o.what != orderStart {
				return &o
			}
			close(o.taken)
		}
	}
}

// endService gives s its signal, its time and then SIGKILL.
func (g *guest) endService(s *service, spec Service, p *process) {
	g.board.update(s.index, func(b *control.Service) { b.State, b.Ready = stateStopping, false })
	p.signal(syscall.Signal(spec.StopSignal))
	select {
	case <-p.done:
		return
	case <-time.After(time.Duration(spec.StopTimeout)):
	}
	s.log.note(fmt.Sprintf("did not stop within %v: killed", time.Duration(spec.StopTimeout)))
	p.signalGroup(syscall.SIGKILL)
	select {
	case <-p.done:
	case <-time.After(killGrace):
	}
}

// launch makes the directories of s and starts its process, with the log as its output.
func (g *guest) launch(s *service, spec Service) (*process, error) {
	user, err := g.accounts.lookup(spec.User)
	if err != nil {
		return nil, err
	}
	if err := g.makeDirectories(spec.Directories); err != nil {
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
		argv: spec.Exec, user: user, env: environ(spec.Environment), dir: "/", files: [3]int{null, s.log.input, s.log.input},
	})
}

func environ(m map[string]string) []string {
	env := make([]string, 0, len(m))
	for k, v := range m {
		env = append(env, k+"="+v)
	}
	return env
}
