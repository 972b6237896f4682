package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/moby/sys/mountinfo"

	"github.com/logis-project/logis/bench/report"
)

// host runs the services on the host itself: the same files in a plain directory of the disk that the pool's loop file lies on, and the
// host's own network and addresses, without layer, namespace or bridge. What it has of a site are the limits of memory and processor:
// what isolation costs would otherwise be hidden behind a second processor and the page cache of a whole machine.
type host struct {
	*floor
	address netip.AddrPort
}

func newHost(p *peers) *host {
	return &host{newFloor(p), netip.AddrPortFrom(peerGateway, 8080)} // the proxy has port 80
}

func (h *host) name() string { return report.Host }

// version names the file system of the disk: what a sync costs there depends on whether it keeps a journal.
func (h *host) version(context.Context) (string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(h.dir))
	if err != nil || len(mounts) == 0 {
		return "", fmt.Errorf("look for the mount of %s: %w", h.dir, err)
	}
	m := slices.MaxFunc(mounts, func(a, b *mountinfo.Info) int { return cmp.Compare(len(a.Mountpoint), len(b.Mountpoint)) })
	if journals, _ := filepath.Glob("/proc/fs/jbd2/" + filepath.Base(m.Source) + "-*"); m.FSType == "ext4" && len(journals) == 0 {
		return "services on ext4 without a journal", nil
	}
	return "services on " + m.FSType, nil
}

func (h *host) place(ctx context.Context, n int) (*instance, error) {
	i := h.peers.place("h", 5, n)
	i.address, i.http, i.ssh = h.address.Addr(), h.address.String(), netip.AddrPortFrom(h.address.Addr(), 22).String()
	plain := h.path("plain-" + i.name)
	if err := h.copyOut(ctx, i, plain); err != nil {
		return nil, fmt.Errorf("copy the files of a site to the host's disk: %w", err)
	}
	i.merged = plain
	if err := h.listen(i); err != nil {
		return nil, err
	}
	if err := mountSystem(i); err != nil {
		return nil, err
	}
	return i, h.prepare(i, "/proc/self/ns/net")
}

// copyOut makes a plain directory of what a site begins with.
func (h *host) copyOut(ctx context.Context, i *instance, plain string) error {
	if err := h.layer(ctx, i); err != nil {
		return err
	}
	_, err := command(ctx, "cp", "--archive", i.merged, plain)
	return errors.Join(err, h.unlayer(ctx, i))
}

// listen has nginx listen at the host's address.
func (h *host) listen(i *instance) error {
	path := filepath.Join(i.merged, "etc/nginx/sites-available/default")
	server, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	listenLines := regexp.MustCompile(`(?m)^\tlisten .*;\n(\tlisten .*;\n)*`)
	changed := listenLines.ReplaceAll(server, fmt.Appendf(nil, "listen %v default_server;\n", h.address))
	return os.WriteFile(path, changed, 0o644)
}

func (h *host) destroy(ctx context.Context, i *instance) error {
	err := i.leader.Process.Kill()
	_ = i.leader.Wait() // by the signal
	errs := append(unmountSystem(i), err, h.ready[i.name].cell.remove(ctx))
	return errors.Join(append(errs, os.RemoveAll(i.merged))...)
}
