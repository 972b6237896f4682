package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// nspawn starts the site with systemd-nspawn, on a host that need not have systemd as PID 1.
type nspawn struct {
	*peers
	cells map[string]cell
}

func newNspawn(p *peers) *nspawn { return &nspawn{p, map[string]cell{}} }

func (s *nspawn) name() string { return "nspawn" }

func (s *nspawn) version(ctx context.Context) (string, error) {
	out, err := command(ctx, "systemd-nspawn", "--version")
	first, _, _ := strings.Cut(out, " (")
	return strings.Replace(first, "systemd", "systemd-nspawn", 1), err
}

func (s *nspawn) place(_ context.Context, n int) (*instance, error) {
	return s.peers.place("n", 2, n), nil
}

func (s *nspawn) create(ctx context.Context, i *instance) error {
	if err := s.layer(ctx, i); err != nil {
		return err
	}
	return s.start(ctx, i)
}

func (s *nspawn) start(_ context.Context, i *instance) error {
	c, err := newCell(i.name)
	if err != nil {
		return err
	}
	s.cells[i.name] = c
	i.leader = exec.Command("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--directory="+i.merged, "--machine="+i.name,
		"--network-bridge="+bridge, "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe", "--kill-signal=SIGTERM",
		fmt.Sprintf("--setenv=ADDRESS=%s/16", i.address), fmt.Sprintf("--setenv=GATEWAY=%s", peerGateway), initPath)
	log, err := os.OpenFile(s.path("nspawn.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	i.leader.Stdout, i.leader.Stderr = log, log
	release, err := c.start(i.leader)
	if err != nil {
		return err
	}
	return release()
}

func (s *nspawn) stop(ctx context.Context, i *instance) error {
	err := i.leader.Process.Signal(unix.SIGTERM) // nspawn hands it on to the site's init
	_ = i.leader.Wait()                          // by the signal or not
	return errors.Join(err, s.cells[i.name].remove(ctx))
}

// destroy kills all processes, and not nspawn alone, which would leave them.
func (s *nspawn) destroy(ctx context.Context, i *instance) error {
	err := s.cells[i.name].kill()
	_ = i.leader.Wait() // by the signal
	return errors.Join(err, s.cells[i.name].remove(ctx), s.unlayer(ctx, i))
}

func (s *nspawn) left(i *instance) string { return s.leftOf(i) }
