// Command logisd is the daemon: everything privileged. It runs in the foreground, logs to stderr, and leaves running
// containers alone when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/server"
	"github.com/logis-project/logis/internal/site"
)

// shutdownTimeout bounds the end of logisd after SIGTERM.
const shutdownTimeout = 20 * time.Second

func main() {
	path := flag.String("config", config.DefaultPath, "configuration `FILE`")
	check := flag.Bool("check", false, "check the configuration and the host, change nothing, and exit")
	version := flag.Bool("version", false, "print the version")
	flag.Parse()
	if *version {
		fmt.Fprintln(os.Stdout, "logisd", api.Version)
		return
	}
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "logisd: unexpected argument %q: see logisd --help\n", flag.Arg(0))
		os.Exit(2)
	}
	act := run
	if *check {
		act = checkOnly
	}
	if err := act(*path); err != nil {
		for _, line := range linesOf(err) {
			fmt.Fprintln(os.Stderr, "logisd:", strings.ReplaceAll(line, "\n", "; "))
		}
		os.Exit(1)
	}
}

func run(path string) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if os.Geteuid() != 0 {
		return fmt.Errorf("must run as root: it makes namespaces, mounts and network links")
	}
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	if err := checkHost(c, log); err != nil { // first, so that a refusal leaves no directory behind
		return inFile(c, err)
	}
	unlock, err := lockHost(c)
	if err != nil {
		return err
	}
	idle := true
	defer func() { unlock(idle) }()
	release, err := claim(c, "/run")
	if err != nil {
		return inFile(c, err)
	}
	idle = false
	defer release()
	host, err := open(ctx, c, log)
	if err != nil {
		return err
	}
	events := event.Open(event.Options{Path: filepath.Join(c.StateDir, "events.jsonl"), Log: log})
	defer events.Close()
	return serve(ctx, c, host, events, log)
}

// serve boots the sites and answers requests until ctx ends.
func serve(ctx context.Context, c config.Config, h *host, events *event.Log, log *slog.Logger) (err error) {
	e := engine.New(engine.Options{
		Config: c, Store: h.store, Halt: site.NewHalt(c.RunDir), Pool: h.pool, Containers: h.containers, Network: h.network,
		Routes: h.routes, View: h.view, Events: events, Probe: h.probe, Log: log,
	})
	events.Add(event.Event{Type: event.DaemonStarted, Message: "logisd " + api.Version})
	defer func() {
		stopping := event.Event{Type: event.DaemonStopping}
		if err != nil {
			stopping.Message = err.Error()
		}
		events.Add(stopping)
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		err = errors.Join(err, e.Shutdown(end), h.routes.Close())
	}()
	if err := e.Boot(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx) // logisd ends with its resolver, and the resolver with logisd
	resolver := make(chan error, 1)
	go func() {
		defer cancel()
		resolver <- h.network.ServeResolver(ctx)
	}()
	defer func() {
		cancel()
		err = errors.Join(err, <-resolver)
	}()

	l, gid, err := listen(c, log)
	if err != nil {
		return err
	}
	defer l.Close()
	waitMetrics := serveMetrics(ctx, c, e, log)
	defer func() { cancel(); waitMetrics() }()
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		log.Warn("notify systemd", "error", err)
	}
	if interval, err := daemon.SdWatchdogEnabled(false); err != nil {
		log.Warn("read what systemd's watchdog wants", "error", err)
	} else if interval > 0 {
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			watchdog(ctx, interval, well(c.Socket(), e), notifyWatchdog, log)
		}()
		defer func() { cancel(); <-watched }()
	}
	defer context.AfterFunc(ctx, e.Quit)() // what waits for a site must not hold up the end
	log.Info("serving", "version", api.Version, "socket", c.Socket())
	return server.New(server.Options{Engine: e, Log: log, Group: gid}).Serve(ctx, l)
}
