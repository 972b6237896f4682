package guest

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// oomScore is written to the oom_score_adj of every child: when the site runs out of memory, PID 1 goes last.
const oomScore = "100"

// reaper owns all waiting: PID 1 gets the orphans of the whole site, so only one place may call wait4(2).
type reaper struct {
	closing chan struct{}
	mu      sync.Mutex
	running map[int]*process // the children started here and not waited for yet
}

// process is a child that was started here.
type process struct {
	pid    int // also its process group and its session
	reaper *reaper
	done   chan struct{}      // closed when it has been waited for
	status syscall.WaitStatus // valid once done is closed
}

func newReaper() *reaper {
	return &reaper{closing: make(chan struct{}), running: map[int]*process{}}
}

// run reaps at every SIGCHLD until close.
func (r *reaper) run(child <-chan os.Signal) {
	for {
		r.reap()
		select {
		case <-child:
		case <-r.closing:
			return
		}
	}
}

func (r *reaper) close() { close(r.closing) }

// reap waits for all children that have ended. Signals coalesce: one SIGCHLD may stand for many.
func (r *reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if p := r.running[pid]; p != nil {
			delete(r.running, pid)
			p.status = status
			close(p.done)
		}
	}
}

// start forks and executes. The lock is held from the fork until the child is in the map, and reap takes it too: a child
// that ends at once still finds its entry.
func (r *reaper) start(path string, argv []string, attr *syscall.ProcAttr) (*process, error) {
	r.mu.Lock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		r.mu.Unlock()
		return nil, err
	}
	p := &process{pid: pid, reaper: r, done: make(chan struct{})}
	r.running[pid] = p
	r.mu.Unlock()
	// Best effort: a child that has ended already has no such file.
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(oomScore), 0)
	return p, nil
}

// signal sends sig to the process alone. Under the lock its number cannot belong to someone else: it is not reaped yet.
func (p *process) signal(sig syscall.Signal) {
	p.reaper.mu.Lock()
	defer p.reaper.mu.Unlock()
	if p.reaper.running[p.pid] == p {
		_ = syscall.Kill(p.pid, sig)
	}
}

// signalGroup sends sig to the process group that the process leads, as long as the process lives.
func (p *process) signalGroup(sig syscall.Signal) {
	p.reaper.mu.Lock()
	defer p.reaper.mu.Unlock()
	if p.reaper.running[p.pid] == p {
		_ = syscall.Kill(-p.pid, sig)
	}
}

// exitStatus is the shell's: 128+n for signal n. Valid once done is closed.
func (p *process) exitStatus() byte {
	if p.status.Signaled() {
		return 128 + byte(p.status.Signal())
	}
	return byte(p.status.ExitStatus())
}

// describe says in a few words how the process ended. Valid once done is closed.
func (p *process) describe() string {
	if p.status.Signaled() {
		name := unix.SignalName(p.status.Signal())
		if name == "" {
			name = fmt.Sprintf("signal %d", p.status.Signal())
		}
		return "killed by " + name
	}
	return fmt.Sprintf("exit status %d", p.status.ExitStatus())
}
