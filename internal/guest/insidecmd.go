package guest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

// Exit statuses of a command, as those of logis.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitNone   = 3 // no such service
)

const (
	defaultLines = 30 // of services logs
	answerWait   = time.Minute
)

const insideUsage = `usage: services                         list the services of this site
       services start|stop|restart NAME...
       services status NAME
       services logs [NAME] [-n LINES] [-f]
       services info                    where things are, and what is used

A service is a file /etc/logis/services/NAME.toml; start and restart read it anew. What was stopped starts
again with the site: take its file away to be rid of it. Packages with an init script have no file: they are
started with "sudo service NAME start", and with the site.
`

// obeyWords does what one request asks for and returns the exit status.
func (g *guest) obeyWords(ctx context.Context, a *answer, words []string) byte {
	verb, args := "list", []string(nil)
	if len(words) > 0 && words[0] != "" {
		verb, args = words[0], words[1:]
	}
	switch verb {
	case "list", "ls":
		a.print(table(g.board.all(), g.allScripts()))
		return exitDone
	case "info":
		return g.printText(a, "motd")
	case "start", "stop", "restart", "reload":
		return g.orderAll(ctx, a, verb, args)
	case "status":
		return g.printStatus(a, args)
	case "logs", "log":
		return g.printLogs(a, args)
	case "has": // for the command service
		return g.has(args)
	case "policy": // for invoke-rc.d
		return g.policy(ctx, a, args)
	case "mail": // for cron
		return g.keepMail(a)
	case "help", "-h", "--help":
		a.print(insideUsage)
		return exitDone
	}
	return a.fail(exitUsage, "there is no command %q: services help lists them", verb)
}

func (g *guest) printText(a *answer, name string) byte {
	text, err := g.text(name)
	if err != nil {
		return a.fail(exitFailed, "%v", err)
	}
	a.print(text)
	return exitDone
}

// orderAll gives an order to services, one after another, and tells what came of each.
func (g *guest) orderAll(ctx context.Context, a *answer, verb string, names []string) byte {
	switch {
	case len(names) == 0:
		return a.fail(exitUsage, "name the service to %s: services lists them", verb)
	case !a.trusted:
		return a.fail(exitFailed, "cannot %s %s: only root and %s may: try sudo", verb, names[0], g.opts.Site)
	}
	what := verb
	if verb == "reload" { // a service has no other way to read its configuration
		what = orderRestart
	}
	gone := readerGone(a.conn)
	status := byte(exitDone)
	for _, name := range names {
		if got := g.orderOne(ctx, a, gone, what, serviceOf(name)); got != exitDone {
			status = got
		}
	}
	return status
}

func (g *guest) orderOne(ctx context.Context, a *answer, gone <-chan struct{}, what, name string) byte {
	err := g.order(ctx, name, what)
	switch {
	case errors.Is(err, errNoService) && g.hasScript(name):
		return a.fail(exitNone, "%s has an init script instead of a file in /etc/logis/services: sudo service %s %s", name, name, what)
	case errors.Is(err, errNoService):
		return a.fail(exitNone, "cannot %s %v: services lists what there is", what, err)
	case err != nil:
		return a.fail(exitFailed, "cannot %s %v", what, err)
	case what == orderStop:
		a.print(name + " is stopped, until it is started or the site is.\n")
		return exitDone
	}
	s, err := g.awaitAnswer(ctx, gone, name)
	if err != nil {
		return a.fail(exitFailed, "%s does not answer: %v: see services logs %s", name, err, name)
	}
	a.print(fmt.Sprintf("%s is running (process %d).\n", name, s.PID))
	return exitDone
}

// awaitAnswer returns when a service that was started answers, or with why it does not.
func (g *guest) awaitAnswer(ctx context.Context, gone <-chan struct{}, name string) (control.Service, error) {
	late := time.NewTimer(answerWait)
	defer late.Stop()
	for {
		s, changed := g.board.find(name)
		switch {
		case s.Ready:
			return s, nil
		case s.State == stateFailed, s.State == stateStopped:
			return s, errors.New(s.State + because(s.Error))
		}
		select {
		case <-changed:
		case <-late.C:
			return s, fmt.Errorf("not within %v%s", answerWait, because(s.Error))
		case <-gone:
			return s, errors.New("nobody waits for it any more")
		case <-ctx.Done():
			return s, errStopping
		}
	}
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// printStatus prints the line of one service; the exit status is that of LSB's init scripts.
func (g *guest) printStatus(a *answer, args []string) byte {
	if len(args) == 0 {
		a.print(table(g.board.all(), g.allScripts()))
		return exitDone
	}
	name := serviceOf(args[0])
	s, _ := g.board.find(name)
	if s.Name == "" {
		return a.fail(exitNone, "there is no service %s: services lists them", name)
	}
	a.print(table([]control.Service{s}, nil))
	if !s.Ready {
		return exitNone // LSB: the program is not running
	}
	return exitDone
}

// has exits with 0 for what is a service, or is never to be started by its init script.
func (g *guest) has(args []string) byte {
	if len(args) == 1 && (supervised(args[0]) || g.roster.find(serviceOf(args[0])) != nil) {
		return exitDone
	}
	return exitFailed
}

// policy answers invoke-rc.d for policy-rc.d(8): 101 is "do not". What is a service is restarted by PID 1 instead.
func (g *guest) policy(ctx context.Context, a *answer, args []string) byte {
	const forbidden = 101
	if len(args) < 2 || g.has(args[:1]) != exitDone {
		return exitDone
	}
	action := args[1]
	if s := g.roster.find(serviceOf(args[0])); s != nil && a.trusted && restarts(action) && !g.board.isOff(s.index) {
		// One that fails is started again, and its log tells; but the package's next step may need it.
		if g.order(ctx, s.name, orderRestart) == nil {
			_, _ = g.awaitAnswer(ctx, readerGone(a.conn), s.name)
		}
	}
	if action == "rotate" || action == "status" {
		return exitDone
	}
	return forbidden
}

// restarts says whether an action of invoke-rc.d(8) means that what runs is to be another afterwards.
func restarts(action string) bool {
	return strings.Contains(action, "start") || strings.Contains(action, "reload") || action == "upgrade"
}

// printLogs prints what a service wrote, or all.
func (g *guest) printLogs(a *answer, args []string) byte {
	req, err := parseLogs(args)
	if err != nil {
		return a.fail(exitUsage, "%v", err)
	}
	req.Service = serviceOf(req.Service)
	switch {
	case !a.trusted:
		return a.fail(exitFailed, "cannot read logs: only root and %s may: try sudo", g.opts.Site)
	case req.Service != "" && len(g.logsOf(req.Service)) == 0:
		return a.fail(exitNone, "there is no log of %s: services lists what there is; programs have logs of their own in /var/log", req.Service)
	}
	g.readLogs(req, readerGone(a.conn), func(l control.LogLine) error { return a.log(l, req.Service == "") })
	return exitDone
}

// parseLogs reads [NAME] [-n LINES] [-f].
func parseLogs(args []string) (control.Logs, error) {
	req := control.Logs{Lines: defaultLines}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		value, joined := strings.CutPrefix(arg, "-n")
		switch {
		case arg == "-f":
			req.Follow = true
		case joined:
			if value == "" && i+1 < len(args) {
				i++
				value = args[i]
			}
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 || n > maxLogLines {
				return req, fmt.Errorf("-n takes a number of lines from 0 to %d", maxLogLines)
			}
			req.Lines = n
		case req.Service == "" && arg != "" && arg[0] != '-':
			req.Service = arg
		default:
			return req, fmt.Errorf("%q: services logs [NAME] [-n LINES] [-f]", arg)
		}
	}
	return req, nil
}
