package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// lxc starts the site with lxc-start, privileged: without the work of shifted ids.
type lxc struct{ *peers }

func newLXC(p *peers) *lxc { return &lxc{p} }

func (l *lxc) name() string { return "lxc" }

func (l *lxc) version(ctx context.Context) (string, error) {
	out, err := command(ctx, "lxc-start", "--version")
	return "LXC " + strings.TrimSpace(out), err
}

func (l *lxc) place(_ context.Context, n int) (*instance, error) {
	return l.peers.place("l", 1, n), nil
}

func (l *lxc) path() string { return l.house.path("lxc") }

func (l *lxc) create(ctx context.Context, i *instance) error {
	if err := l.layer(ctx, i); err != nil {
		return err
	}
	dir := filepath.Join(l.path(), i.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(l.config(i)), 0o644); err != nil {
		return err
	}
	return l.start(ctx, i)
}

func (l *lxc) config(i *instance) string {
	limits := map[string]any{
		"cgroup.memory.limit_in_bytes": limitMemory, "cgroup.memory.memsw.limit_in_bytes": limitMemory + limitSwap,
		"cgroup.pids.max": limitPIDs, "cgroup.cpu.cfs_quota_us": limitQuota,
	}
	if thisMachine().Cgroup == "v2" {
		limits = map[string]any{
			"cgroup2.memory.max": limitMemory, "cgroup2.memory.swap.max": limitSwap, "cgroup2.pids.max": limitPIDs,
			"cgroup2.cpu.max": fmt.Sprintf("%d %d", limitQuota, limitPeriod),
		}
	}
	var config strings.Builder
	fmt.Fprintf(&config, `lxc.uts.name = %s
lxc.rootfs.path = dir:%s
lxc.init.cmd = %s
lxc.apparmor.profile = unconfined
lxc.mount.auto = proc:mixed sys:ro
lxc.mount.entry = tmpfs run tmpfs mode=0755 0 0
lxc.net.0.type = veth
lxc.net.0.link = %s
lxc.net.0.flags = up
lxc.net.0.ipv4.address = %s/16
lxc.net.0.ipv4.gateway = %s
lxc.cgroup.relative = 0
lxc.cgroup.dir.container = %s
lxc.cgroup.dir.monitor = %s.monitor
`, i.name, i.merged, initPath, bridge, i.address, peerGateway, strings.TrimPrefix(cgroupParent(), "/")+"/"+i.name,
		strings.TrimPrefix(cgroupParent(), "/")+"/"+i.name)
	for key, value := range limits {
		fmt.Fprintf(&config, "lxc.%s = %v\n", key, value)
	}
	return config.String()
}

func (l *lxc) start(ctx context.Context, i *instance) error {
	_, err := command(ctx, "lxc-start", "-P", l.path(), "-n", i.name, "-o", l.house.path("lxc.log"), "-l", "ERROR")
	if err != nil {
		log, _ := os.ReadFile(l.house.path("lxc.log"))
		return fmt.Errorf("%w: %s", err, log)
	}
	return nil
}

func (l *lxc) stop(ctx context.Context, i *instance) error {
	_, err := command(ctx, "lxc-stop", "-P", l.path(), "-n", i.name, "-t", "30")
	return err
}

func (l *lxc) destroy(ctx context.Context, i *instance) error {
	_, err := command(ctx, "lxc-stop", "-P", l.path(), "-n", i.name, "-k")
	// lxc-destroy would want to delete what is mounted.
	return errors.Join(err, os.RemoveAll(filepath.Join(l.path(), i.name)), l.unlayer(ctx, i))
}

func (l *lxc) left(i *instance) string { return l.leftOf(i) }
