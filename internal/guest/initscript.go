package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	scriptsLog     = "init-scripts" // the log of what they and their daemons print
	maxScripts     = 64             // of a site
	servicesWait   = time.Minute    // for the services before the first script is started
	scriptStart    = time.Minute    // for one to start its daemon
	scriptStop     = 10 * time.Second
	allScriptsStop = 30 * time.Second // with the services' own times less than logisd waits for a site to stop
)

// initScripts is what became of the init scripts that packages brought: those that update-rc.d(8) enabled for runlevel 2.
type initScripts struct {
	mu   sync.Mutex
	log  *serviceLog // nil until the first runs
	list []initScript
}

type initScript struct {
	name   string // without S and number
	state  string
	reason string // one line
}

// States of an init script. What its daemon does later nobody knows.
const (
	scriptWaiting  = "waiting"
	scriptStarting = "starting"
	scriptStarted  = "started"
	scriptFailed   = "failed"
	scriptEnabled  = "enabled" // since the site started: apt started it, or nobody has
)

// supervised says whether PID 1 itself runs, or would run, what Debian's init script of that name starts: that is never run
// beside it, also where the owner took the service away.
func supervised(script string) bool {
	switch script {
	case "nginx", "ssh", "cron", "mariadb", "mysql":
		return true
	}
	return strings.HasPrefix(script, "php") && strings.HasSuffix(script, "-fpm")
}

// serviceOf is the name of the service that stands in for an init script, or is called like that by habit.
func serviceOf(script string) string {
	switch {
	case script == "ssh":
		return "sshd"
	case script == "mysql":
		return "mariadb"
	case supervised(script) && strings.HasSuffix(script, "-fpm"):
		return "php-fpm"
	}
	return script
}

// enabledScripts lists the init scripts with links of a kind ('S' or 'K') in a runlevel's directory, in its order, without
// what is a service. Names that could be no file of update-rc.d's are passed over.
func (g *guest) enabledScripts(runlevel string, kind byte) []string {
	d, err := os.OpenFile(filepath.Join(g.opts.Scripts, "rc"+runlevel+".d"), os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer d.Close()
	links, _ := d.Readdirnames(maxNames)
	slices.Sort(links)
	var names []string
	for _, link := range links {
		if len(link) < 4 || link[0] != kind || !digit(link[1]) || !digit(link[2]) || !validName(link[3:]) {
			continue
		}
		name := link[3:]
		if !supervised(name) && g.roster.find(serviceOf(name)) == nil && len(names) < maxScripts {
			names = append(names, name)
		}
	}
	return names
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// startInitScripts runs what is enabled, one after another in order, once the services are ready or had their time: what is
// started may need them. The site's readiness does not wait for any of it.
func (g *guest) startInitScripts(ctx context.Context) {
	names := g.enabledScripts("2", 'S')
	if len(names) == 0 {
		return
	}
	g.scripts.take(names)
	g.awaitServices(ctx)
	for i, name := range names {
		if ctx.Err() != nil {
			return
		}
		g.scripts.set(i, scriptStarting, "")
		if err := g.runScript(ctx, name, "start", scriptStart); err != nil {
			g.scripts.set(i, scriptFailed, err.Error())
			continue
		}
		g.scripts.set(i, scriptStarted, "")
	}
}

// awaitServices returns when every service is ready, after servicesWait at the latest.
func (g *guest) awaitServices(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, servicesWait)
	defer cancel()
	for {
		status, changed := g.board.snapshot()
		if status.Ready {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// stopInitScripts tells what was started, and has a link for it in rc0.d, to stop, in that directory's order.
func (g *guest) stopInitScripts(ctx context.Context) {
	started := g.enabledScripts("2", 'S')
	if len(started) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, allScriptsStop)
	defer cancel()
	for _, name := range g.enabledScripts("0", 'K') {
		if slices.Contains(started, name) && ctx.Err() == nil {
			_ = g.runScript(ctx, name, "stop", scriptStop) // the log has it
		}
	}
}

// runScript runs an init script with an action until it ends. What takes longer than timeout is killed, with what is left
// in its session; the daemon that it started is in one of its own.
func (g *guest) runScript(ctx context.Context, name, action string, timeout time.Duration) error {
	log, err := g.scripts.openLog(g)
	if err != nil {
		return err
	}
	root, err := g.accounts.lookup("root")
	if err != nil {
		return err
	}
	null, err := openNull()
	if err != nil {
		return err
	}
	defer unix.Close(null)
	runlevel := map[string]string{"start": "2", "stop": "0"}[action]
	p, err := g.start(command{
		argv: []string{filepath.Join(g.opts.Scripts, "init.d", name), action}, user: root, dir: "/",
		env: []string{"RUNLEVEL=" + runlevel, "PREVLEVEL=N"}, files: [3]int{null, log.input, log.input},
	})
	if err == nil {
		err = awaitScript(ctx, p, timeout)
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", name, action, err)
		log.note(err.Error())
	}
	return err
}

func awaitScript(ctx context.Context, p *process, timeout time.Duration) error {
	late := time.NewTimer(timeout)
	defer late.Stop()
	why := fmt.Sprintf("did not end within %v", timeout)
	select {
	case <-p.done:
		if p.exitStatus() == 0 {
			return nil
		}
		return errors.New(p.describe())
	case <-late.C:
	case <-ctx.Done():
		why = "did not end before the site's stop"
	}
	p.signalGroup(syscall.SIGKILL)
	endSession(ctx, p.pid)
	return errors.New(why + ": killed")
}

// take makes names the scripts that are run.
func (s *initScripts) take(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.list = append(s.list, initScript{name: name, state: scriptWaiting})
	}
}

func (s *initScripts) set(i int, state, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list[i].state, s.list[i].reason = state, oneLine(reason)
}

// all returns the scripts and what became of them.
func (s *initScripts) all() []initScript {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// allScripts returns what PID 1 ran, and what packages have brought since.
func (g *guest) allScripts() []initScript {
	list := g.scripts.all()
	for _, name := range g.enabledScripts("2", 'S') {
		if !slices.ContainsFunc(list, func(s initScript) bool { return s.name == name }) {
			list = append(list, initScript{name: name, state: scriptEnabled})
		}
	}
	return list
}

// hasScript says whether there is an init script of that name.
func (g *guest) hasScript(name string) bool {
	fi, err := os.Stat(filepath.Join(g.opts.Scripts, "init.d", name))
	return err == nil && fi.Mode().IsRegular() && validName(name)
}

// currentLog returns the log of the scripts; nil while none has run.
func (s *initScripts) currentLog() *serviceLog {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log
}

// openLog returns the log of the scripts, which the first to run begins.
func (s *initScripts) openLog(g *guest) (*serviceLog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log != nil {
		return s.log, nil
	}
	log, err := g.newLog(scriptsLog)
	if err != nil {
		return nil, err
	}
	s.log = log
	g.after.Go(log.run)
	return log, nil
}
