package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/linux"
	"github.com/logis-project/logis/internal/metrics"
)

// listenAgain is the pause between two attempts to open the metrics' address.
const listenAgain = 10 * time.Second

// serveMetrics answers on the metrics' socket, and on the address that the configuration names, until ctx ends; what it returns
// waits for that. Sites and API do without: what is wrong here is logged, and an address that is taken, or not there yet, is tried
// again.
func serveMetrics(ctx context.Context, c config.Config, source metrics.Source, log *slog.Logger) (wait func()) {
	h := metrics.New(metrics.Options{Source: source, Version: api.Version, Log: log})
	var running sync.WaitGroup
	serve := func(l net.Listener) {
		if err := h.Serve(ctx, l); err != nil {
			log.Error("metrics are not served any more", "address", l.Addr(), "error", err)
		}
	}
	if l, err := listenMetrics(c, log); err != nil {
		log.Error("metrics have no socket", "error", err)
	} else {
		running.Go(func() { defer l.Close(); serve(l) })
	}
	if c.Metrics.Listen != "" {
		if c.Metrics.Public() {
			log.Warn("other machines may read metrics, the names of sites among them", "metrics.listen", c.Metrics.Listen)
		}
		running.Go(func() {
			if l := listenTCP(ctx, c.Metrics.Listen, log); l != nil {
				serve(l)
			}
		})
	}
	return running.Wait
}

// listenMetrics opens the socket: for the group that the configuration names, or that of the API's socket; where that is missing,
// for root alone.
func listenMetrics(c config.Config, log *slog.Logger) (net.Listener, error) {
	name, mode, gid := c.Metrics.Group, os.FileMode(0o660), 0
	if name == "" {
		name = group
	}
	g, err := user.LookupGroup(name)
	if err == nil {
		gid, err = strconv.Atoi(g.Gid)
	}
	if err != nil {
		if c.Metrics.Group != "" { // of the other, listen has said it
			log.Warn("no group for the metrics' socket: it is root's alone", "metrics.group", name, "mend", "groupadd --system "+name)
		}
		mode, gid = 0o600, 0
	}
	l, err := linux.ListenUnix(c.MetricsSocket(), mode, 0, gid)
	if err != nil {
		return nil, fmt.Errorf("open metrics socket: %w", err)
	}
	return l, nil
}

// listenTCP opens the address, if need be later; nil where ctx ended first.
func listenTCP(ctx context.Context, address string, log *slog.Logger) net.Listener {
	for said := false; ; {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err == nil {
			log.Info("serving metrics", "address", l.Addr())
			return l
		}
		if !said && ctx.Err() == nil {
			log.Error("metrics.listen cannot be opened: trying on", "error", err, "mend", "see `ss -ltnp`, or choose another address")
			said = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(listenAgain):
		}
	}
}
