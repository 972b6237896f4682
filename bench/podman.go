package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const podmanBridge = "cni-podman1" // podman's name for the bridge of the network that was made first

var podmanNet = netip.MustParsePrefix("10.186.0.0/16") // whose bridge it makes itself

// podman starts the site with podman and runc, as root.
type podman struct{ *peers }

func newPodman(p *peers) *podman { return &podman{p} }

func (d *podman) name() string { return "podman" }

// version also makes its network.
func (d *podman) version(ctx context.Context) (string, error) {
	// What it keeps elsewhere than it is told to ends with the box too, the addresses that it has given for instance.
	for _, dir := range []string{"/var/lib/cni", "/var/lib/containers", "/var/cache/containers"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			return "", fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	out, err := d.run(ctx, "--version")
	if err != nil {
		return "", err
	}
	_, err = d.run(ctx, "network", "create", "--subnet", podmanNet.String(), "--disable-dns", "peers")
	return strings.Replace(strings.TrimSpace(out), "version ", "", 1) + " with runc", err
}

// run runs podman with all that it keeps below the directory of the run.
func (d *podman) run(ctx context.Context, args ...string) (string, error) {
	dir := d.path("podman")
	return command(ctx, "podman", append([]string{
		"--root", filepath.Join(dir, "root"), "--runroot", "/run/podman-bench", "--tmpdir", "/run/podman-bench/tmp", "--network-config-dir", filepath.Join(dir, "net"),
		"--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none",
	}, args...)...)
}

func (d *podman) place(_ context.Context, n int) (*instance, error) {
	i := d.peers.place("p", 3, n)
	if err := askOften(podmanBridge); err != nil && !errors.Is(err, os.ErrNotExist) { // the first site makes it
		return nil, err
	}
	net, own := podmanNet.Addr().As4(), i.address.As4()
	i.address = netip.AddrFrom4([4]byte{net[0], net[1], own[2], own[3]})
	i.http, i.ssh = netip.AddrPortFrom(i.address, 80).String(), netip.AddrPortFrom(i.address, 22).String()
	return i, nil
}

func (d *podman) create(ctx context.Context, i *instance) error {
	if err := d.layer(ctx, i); err != nil {
		return err
	}
	_, err := d.run(ctx, "run", "--detach", "--name", i.name, "--network", "peers", "--ip", i.address.String(), "--cgroup-parent", cgroupParent(),
		"--memory", strconv.Itoa(limitMemory), "--memory-swap", strconv.Itoa(limitMemory+limitSwap), "--cpus", "1",
		"--pids-limit", strconv.Itoa(limitPIDs), "--ulimit", "nofile=10000:20000", "--ulimit", "nproc=9000:9000", "--log-driver", "none",
		"--tmpfs", "/run:mode=0755", "--security-opt", "seccomp=unconfined", "--cap-add", "all", "--rootfs", i.merged, initPath)
	return err
}

func (d *podman) start(ctx context.Context, i *instance) error {
	_, err := d.run(ctx, "start", i.name)
	return err
}

func (d *podman) stop(ctx context.Context, i *instance) error {
	_, err := d.run(ctx, "stop", "--time", "30", i.name)
	return err
}

func (d *podman) destroy(ctx context.Context, i *instance) error {
	_, err := d.run(ctx, "rm", "--force", "--time", "0", i.name)
	return errors.Join(err, d.unlayer(ctx, i))
}

func (d *podman) left(i *instance) string {
	if found, _ := filepath.Glob("/sys/fs/cgroup/*" + cgroupParent() + "/libpod-*"); len(found) > 0 {
		return found[0]
	}
	if _, err := os.Stat(i.merged); err == nil {
		return i.merged
	}
	return d.leftOf(i)
}
