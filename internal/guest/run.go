// Package guest is PID 1 of every container: it empties /tmp, starts the services that /etc/logis/services names,
// watches until they answer, starts again what dies, reaps orphans, keeps each service's output in a bounded log, runs the
// init scripts of packages, serves the control socket (watch, exec, logs) and a smaller one for the site's own people, and on
// SIGTERM stops everything in order. It owns every child of the container's
// PID 1. It must not know the host: what it knows comes from the site's own files, its Options and the control socket.
// Being small is a feature: there is one of it in every site.
package guest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/linux"
)

// Options of Run. The paths have the defaults of a site; tests set them.
type Options struct {
	Site     string       // the site's name, which is its owner's login name
	Control  net.Listener // the control socket, a listening unix stream socket; Run closes it
	Services string       // directory of the service files; "" is /etc/logis/services
	Logs     string       // directory of the services' logs; "" is /var/log/logis
	Tmp      string       // directory that is emptied at start; "" is /tmp
	Run      string       // directory of what the site's own people ask and are told; "" is /run/logis
	Texts    string       // directory of the texts that tell the owner where things are; "" is /etc/logis
	Scripts  string       // directory of rc0.d and rc2.d, the init scripts that are enabled; "" is /etc
	Passwd   string       // "" is /etc/passwd
	Group    string       // "" is /etc/group
	LogSize  int64        // bytes on disk of each service's log; 0 is defaultLogSize
}

const (
	sessionGrace = 2 * time.Second // for processes that are no service's, between SIGTERM and SIGKILL
	lastWords    = time.Second     // for watchers to take the final status
)

// ErrNotInit is returned by Run in a process that is not PID 1: Run waits for every child and at the end kills every
// process it can see.
var ErrNotInit = errors.New("not PID 1 of a PID namespace")

// guest is one running site, seen from inside.
type guest struct {
	opts     Options
	accounts accounts
	reaper   *reaper
	board    *board
	roster   roster
	scripts  initScripts
	facts    facts
	tuned    atomic.Int64 // size of logs that was asked for since the start; 0 is opts.LogSize

	tasks sync.WaitGroup // end when the services have stopped
	after sync.WaitGroup // end after them
}

// Run is the life of PID 1: it returns nil when SIGTERM came, or ctx ended, and every service has stopped. The processes
// that are left then die with PID 1.
func Run(ctx context.Context, opts Options) error {
	if os.Getpid() != 1 {
		return ErrNotInit
	}
	tune()
	if err := linux.RestoreSignals(); err != nil { // services inherit what logisd's parent ignored
		return err
	}
	term, child := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	signal.Notify(child, syscall.SIGCHLD)
	defer signal.Stop(term)
	defer signal.Stop(child)
	ctx, halt := context.WithCancel(ctx)
	defer halt()

	g := &guest{opts: withDefaults(opts), reaper: newReaper()}
	g.accounts = accounts{passwd: g.opts.Passwd, group: g.opts.Group}
	g.after.Go(func() { g.reaper.run(child) })
	tmpErr := g.emptyTmp(ctx)
	g.load()
	if tmpErr != nil { // full disk: the owner must be able to log in and delete
		g.complain(fmt.Sprintf("%s was not emptied: %v", g.opts.Tmp, tmpErr))
	}
	g.tasks.Go(func() { g.beginAll(ctx, g.roster.all()) })
	dropSignals() // while the first services are executed: it takes as long as reading their files
	g.tasks.Go(func() { g.trimWhenReady(ctx) })
	g.tasks.Go(func() { g.startInitScripts(ctx) })
	inside := g.serveInside(ctx) // first: who hears that the site is ready may use it
	server := newServer(g.opts.Control, everybody(maxConnections), g.answer)
	g.after.Go(func() { server.serve(ctx) })

	select {
	case <-term:
	case <-ctx.Done():
	}
	halt()
	g.stop(context.WithoutCancel(ctx))
	g.tasks.Wait()
	g.board.end()
	if inside != nil {
		inside.close(0)
	}
	server.close(lastWords)
	for _, l := range g.logsOf("") {
		l.close()
	}
	g.reaper.close()
	g.after.Wait()
	return nil
}

// complain tells the host, and the owner in the log of the first service, of what PID 1 goes on without.
func (g *guest) complain(text string) {
	fmt.Fprintln(os.Stderr, "logis-init:", oneLine(text))
	if services := g.roster.all(); len(services) > 0 {
		services[0].log.note(text)
	}
}

func withDefaults(o Options) Options {
	for _, d := range []struct {
		field *string
		value string
	}{
		{&o.Services, "/etc/logis/services"},
		{&o.Logs, "/var/log/logis"},
		{&o.Tmp, "/tmp"},
		{&o.Run, "/run/logis"},
		{&o.Texts, "/etc/logis"},
		{&o.Scripts, "/etc"},
		{&o.Passwd, "/etc/passwd"},
		{&o.Group, "/etc/group"},
	} {
		if *d.field == "" {
			*d.field = d.value
		}
	}
	if o.LogSize < minLogSize {
		o.LogSize = defaultLogSize
	}
	return o
}

// tune keeps PID 1 small: its memory and its threads count towards the limits of the site.
func tune() {
	syscall.Umask(0o022)
	// No child gets a descriptor that was left open by mistake. Best effort.
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	debug.SetGCPercent(25)
	runtime.GOMAXPROCS(min(2, runtime.NumCPU()))
}

// dropSignals catches and drops every signal but those of Run that would end a Go program: root of the site must not crash its
// own PID 1 with a stray kill. They are caught and not ignored, because an ignored signal stays ignored in every child.
func dropSignals() {
	var dropped []os.Signal
	left := []syscall.Signal{
		syscall.SIGTERM, syscall.SIGCHLD, syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGTSTP,
		syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGURG, syscall.SIGPROF,
	}
	for n := syscall.Signal(1); n < 32; n++ {
		if !slices.Contains(left, n) {
			dropped = append(dropped, n)
		}
	}
	for n := syscall.Signal(35); n <= 64; n++ {
		dropped = append(dropped, n)
	}
	signal.Notify(make(chan os.Signal, 1), dropped...)
}

// trimWhenReady gives the memory of the start back to the kernel, once, when every service has answered.
func (g *guest) trimWhenReady(ctx context.Context) {
	for {
		status, changed := g.board.snapshot()
		if status.Ready {
			debug.FreeOSMemory()
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
