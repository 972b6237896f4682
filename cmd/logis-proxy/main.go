// Command logis-proxy is the reverse proxy in front of all websites. It runs in the foreground and logs to stderr;
// started as root, it opens its sockets and becomes the user logis-proxy; started by systemd with its sockets, it needs no
// privilege. SIGTERM ends it in order. On SIGUSR2 it starts the program and the configuration that lie on disk by then,
// passes its sockets on, and ends when that process serves; where that fails it goes on itself.
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
	if err := proxy.Become(); err != nil {
		fmt.Fprintln(os.Stderr, "logis-proxy:", err)
		os.Exit(1)
	}
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
	replace := make(chan os.Signal, 1)
	signal.Notify(replace, syscall.SIGUSR2)

	executable, err := proxy.Executable(os.Args[0])
	if err != nil {
		return err
	}
	conf, err := config.Load(path)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	inherited := proxy.Inherit(log)
	if err := proxy.RaiseFileLimit(); err != nil {
		log.Warn("fewer connections than possible", "err", err)
	}
	if err := proxy.Prompt(); err != nil {
		log.Warn("visitors may wait longer while the host is busy", "err", err)
	}
	var identity *proxy.Identity
	if os.Geteuid() == 0 {
		id, err := proxy.LookupIdentity(proxy.User)
		if err != nil {
			return err
		}
		identity = &id
	}
	sockets, err := inherited.Listen(ctx, conf.Proxy.HTTP)
	if err != nil {
		return err
	}
	if err := proxy.MakeStateDir(conf.ProxyState(), identity); err != nil {
		log.Error("routes will not outlive this process", "err", err)
	}
	if err := proxy.Confine(identity); err != nil {
		return fmt.Errorf("confine: %w", err)
	}
	if err := proxy.Fence(proxy.Reach{Config: path, Program: executable, State: conf.ProxyState()}, log); err != nil {
		return err
	}
	successor := proxy.Successor{Path: executable, Args: os.Args[1:], Log: log}
	server := proxy.New(proxy.Options{
		HTTP: sockets, Socket: conf.ProxySocket(), StateDir: conf.ProxyState(), AccessLog: os.Stderr, Log: log,
		Sites: conf.Network.Subnet6,
		Ready: func() {
			log.Info("serving", "version", api.Version, "addresses", addresses(sockets), "uid", os.Getuid(), "pid", os.Getpid())
			inherited.Ready()
		},
		Counts:  inherited.Counts(),
		Replace: replace,
		HandOver: func(ctx context.Context, counts *os.File) error {
			return successor.Start(ctx, sockets, counts)
		},
	})
	err = server.Run(ctx)
	log.Info("stopped")
	return err
}

// addresses returns where sockets listen.
func addresses(sockets []proxy.Socket) []string {
	list := make([]string, 0, len(sockets))
	for _, s := range sockets {
		list = append(list, s.Addr().String())
	}
	return list
}
