// Command logis-proxy is the reverse proxy in front of all websites. It runs in the foreground and logs to stderr;
// started as root, it opens its sockets and becomes the user logis-proxy. SIGTERM ends it in order.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/proxy"
)

func main() {
	flags := flag.NewFlagSet("logis-proxy", flag.ContinueOnError)
	path := flags.String("config", config.DefaultPath, "configuration `FILE`")
	version := flags.Bool("version", false, "print the version and exit")
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), "Usage: logis-proxy [--config FILE] [--version]\n")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	case flags.NArg() > 0:
		fmt.Fprintf(os.Stderr, "logis-proxy: unexpected argument %q\n", flags.Arg(0))
		os.Exit(2)
	}
	if *version {
		fmt.Fprintln(os.Stdout, "logis-proxy", api.Version)
		return
	}
	if err := run(*path); err != nil {
		fmt.Fprintln(os.Stderr, "logis-proxy:", err)
		os.Exit(1)
	}
}

// run is the life of the process: what needs root first, then the drop, then the service.
func run(path string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does not wait for running requests

	conf, err := config.Load(path)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := proxy.RaiseFileLimit(); err != nil {
		log.Warn("fewer connections than possible", "err", err)
	}
	var identity *proxy.Identity
	if os.Geteuid() == 0 {
		id, err := proxy.LookupIdentity(proxy.User)
		if err != nil {
			return err
		}
		identity = &id
	}
	listeners, err := proxy.Listen(ctx, "proxy.http", conf.Proxy.HTTP)
	if err != nil {
		return err
	}
	if err := proxy.MakeStateDir(conf.ProxyState(), identity); err != nil {
		log.Error("routes will not outlive this process", "err", err)
	}
	if err := proxy.Confine(identity); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	server := proxy.New(proxy.Options{
		HTTP: listeners, Socket: conf.ProxySocket(), StateDir: conf.ProxyState(), AccessLog: os.Stderr, Log: log,
	})
	log.Info("serving", "version", api.Version, "addresses", conf.Proxy.HTTP, "uid", os.Getuid())
	err = server.Run(ctx)
	log.Info("stopped")
	return err
}
