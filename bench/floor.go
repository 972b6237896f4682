package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// floor starts the services in a bare chroot with an address: no engine can be faster. All that is made before (the layer,
// the mounts, the network, the cgroup) is not counted.
type floor struct {
	*peers
	ready map[string]*prepared // by name of the instance
}

// prepared is a first process that waits for its signal.
type prepared struct {
	cell    cell
	release func() error
}

func newFloor(p *peers) *floor { return &floor{peers: p, ready: map[string]*prepared{}} }

func (f *floor) name() string { return "floor" }

func (f *floor) version(context.Context) (string, error) { return "services in a chroot", nil }

func (f *floor) place(ctx context.Context, n int) (*instance, error) {
	i := f.peers.place("f", 0, n)
	if err := f.layer(ctx, i); err != nil {
		return nil, err
	}
	if err := mountSystem(i); err != nil {
		return nil, err
	}
	device := fmt.Sprintf("f%d", i.number)
	for _, args := range [][]string{
		{"netns", "add", i.name},
		{"link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", i.name},
		{"link", "set", device, "master", bridge, "up"},
		{"-n", i.name, "link", "set", "lo", "up"},
		{"-n", i.name, "address", "add", i.address.String() + "/16", "dev", "eth0"},
		{"-n", i.name, "link", "set", "eth0", "up"},
		{"-n", i.name, "route", "add", "default", "via", peerGateway.String()},
	} {
		if _, err := command(ctx, "ip", args...); err != nil {
			return nil, err
		}
	}
	return i, f.prepare(i, netnsPath(i))
}

func netnsPath(i *instance) string { return "/run/netns/" + i.name }

// mountSystem mounts what programs expect to find beside files.
func mountSystem(i *instance) error {
	for _, m := range []struct{ source, target, kind string }{{"proc", "proc", "proc"}, {"tmpfs", "run", "tmpfs"}} {
		if err := unix.Mount(m.source, filepath.Join(i.merged, m.target), m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	if err := unix.Mount("/dev", filepath.Join(i.merged, "dev"), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount dev: %w", err)
	}
	return nil
}

// unmountSystem returns what went wrong.
func unmountSystem(i *instance) (errs []error) {
	for _, dir := range []string{"dev", "run", "proc"} {
		errs = append(errs, unix.Unmount(filepath.Join(i.merged, dir), unix.MNT_DETACH))
	}
	return errs
}

// prepare starts the first process in a network, which waits.
func (f *floor) prepare(i *instance, netns string) error {
	c, err := newCell(i.name)
	if err != nil {
		return err
	}
	network, err := os.Open(netns)
	if err != nil {
		return err
	}
	defer network.Close()
	i.leader = exec.Command(initPath)
	i.leader.SysProcAttr = &syscall.SysProcAttr{Chroot: i.merged, Cloneflags: unix.CLONE_NEWPID}
	log, err := os.OpenFile(f.path("floor.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	i.leader.Stdout, i.leader.Stderr = log, log
	i.leader.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	made := make(chan error)
	p := &prepared{cell: c}
	go func() { // its thread ends with it
		runtime.LockOSThread()
		err := unix.Setns(int(network.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			p.release, err = c.start(i.leader)
		}
		made <- err
	}()
	f.ready[i.name] = p
	return <-made
}

func (f *floor) create(_ context.Context, i *instance) error { return f.ready[i.name].release() }

func (f *floor) start(_ context.Context, i *instance) error { return f.ready[i.name].release() }

func (f *floor) stop(ctx context.Context, i *instance) error {
	err := i.leader.Process.Signal(unix.SIGTERM)
	_ = i.leader.Wait() // by the signal or not
	return errors.Join(err, f.ready[i.name].cell.remove(ctx), f.prepare(i, netnsPath(i)))
}

func (f *floor) destroy(ctx context.Context, i *instance) error {
	err := i.leader.Process.Kill()
	_ = i.leader.Wait() // by the signal
	errs := append(unmountSystem(i), err, f.ready[i.name].cell.remove(ctx))
	_, err = command(ctx, "ip", "link", "delete", fmt.Sprintf("f%d", i.number))
	errs = append(errs, err)
	_, err = command(ctx, "ip", "netns", "delete", i.name)
	return errors.Join(append(errs, err, f.unlayer(ctx, i))...)
}

func (f *floor) left(i *instance) string { return f.leftOf(i) }
