package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/linux"
	"github.com/logis-project/logis/internal/lxcfs"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/require"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// group may use the API socket; proxyUser runs logis-proxy.
const (
	group     = require.AdminGroup
	proxyUser = require.ProxyUser
)

// host is what the drivers opened.
type host struct {
	store      *site.Store
	pool       *pool.Pool
	containers *container.Runtime
	network    *network.Network
	routes     *route.Publisher
	view       *lxcfs.View
	probe      string // path of logis-probe
}

// open opens the drivers, the pool before what needs one. When it fails, what it made is taken away again, unless
// containers that an earlier logisd left running need it.
func open(ctx context.Context, c config.Config, log *slog.Logger) (_ *host, err error) {
	init, err := findProgram("logis-init")
	if err != nil {
		return nil, err
	}
	probe, err := findProgram("logis-probe")
	if err != nil {
		log.Warn("logis doctor --prove will not work", "error", err) // sites do without it
	}
	alone, err := noContainers(c)
	if err != nil {
		return nil, err
	}
	var undo []func(context.Context) error
	defer func() {
		if err == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		for _, step := range slices.Backward(undo) {
			err = errors.Join(err, step(ctx))
		}
	}()

	h := &host{probe: probe}
	h.network, err = network.New(network.Options{
		Instance: c.Instance, Subnet4: c.Network.Subnet4, Subnet6: c.Network.Subnet6,
		ProxyPorts: c.ProxyPorts(), ResolvConf: "/etc/resolv.conf",
		Links: c.Network.Links, SMTP: c.Network.SMTP, Log: log,
	})
	if err != nil {
		return nil, err
	}
	ranges := rangesOf(c)
	ranges.PortFree, ranges.FreeIDs = h.network.PortFree, require.FreeIDs
	h.store, err = site.Open(recordsOf(c), c.BaseDomain, ranges)
	if err != nil {
		return nil, err
	}
	uid, gid := proxyIDs(log)
	h.routes, err = route.NewPublisher(route.Options{Socket: c.ProxySocket(), UID: uid, GID: gid, Log: log})
	if err != nil {
		return nil, err
	}
	undo = append(undo, func(context.Context) error { return h.routes.Close() })
	h.pool, err = pool.Open(ctx, pool.Options{
		Path: c.Pool.Path, LoopFile: filepath.Join(c.StateDir, "pool.img"), MountPoint: filepath.Join(c.StateDir, "pool"),
		Size: int64(c.Pool.Size), Sites: h.store.Names(), Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	undo = append(undo, func(ctx context.Context) error {
		if err := h.pool.Close(); err != nil || !alone {
			return err
		}
		return h.pool.Unmount(ctx)
	})
	disks, err := h.pool.Sites()
	if err != nil {
		return nil, err
	}
	h.store.Settle(disks, h.pool.SiteIndex)
	devices, err := linux.DisksOf(h.pool.Dir())
	if err != nil {
		log.Warn("the I/O of sites has no limits", "error", err)
	}
	h.view = lxcfs.New(lxcfs.Options{Instance: c.Instance, State: filepath.Join(c.RunDir, "lxcfs.json"), Log: log})
	h.containers, err = container.New(container.Options{
		Instance: c.Instance, RunDir: c.RunDir, StateDir: c.StateDir, Init: init, Disks: devices, Log: log, View: h.view.Open,
	})
	if err != nil {
		if h.containers != nil && alone {
			_ = h.containers.Down() // of its cgroup only some hierarchies may have come to be, or none
		}
		return nil, err
	}
	recordOrigin(c.StateDir, "/etc/machine-id", log)
	return h, nil
}

func rangesOf(c config.Config) site.Ranges {
	return site.Ranges{
		Subnet4: c.Network.Subnet4, Subnet6: c.Network.Subnet6, FirstID: c.FirstID,
		FirstPort: c.SSH.Ports.First, LastPort: c.SSH.Ports.Last,
	}
}

func recordsOf(c config.Config) string { return filepath.Join(c.StateDir, "sites") }

// checkHost ends the start where the host lacks what logisd needs. Ids that an account has are logged where there are sites:
// those must go on, and new ones are given others.
func checkHost(c config.Config, log *slog.Logger) error {
	sited, err := site.Recorded(recordsOf(c))
	if err != nil {
		return err
	}
	checks := require.Needed(require.Options{
		Bridge: c.Instance + "0", Instance: c.Instance, Subnet4: c.Network.Subnet4, Subnet6: c.Network.Subnet6,
		LoopFile: c.LoopFile(), IDs: idsOf(c), Sited: sited,
	})
	for _, check := range checks {
		if check.What == require.SiteIDs && check.Status == require.Warning {
			log.Warn(check.What, "found", check.Found, "mend", check.Mend)
		}
	}
	return require.Error(checks)
}

func idsOf(c config.Config) require.IDs {
	first, last := rangesOf(c).IDs()
	return require.IDs{First: first, Last: last}
}

// noContainers reports that no earlier logisd left containers in the run directory, so that mounts are nobody's.
func noContainers(c config.Config) (bool, error) {
	sites, err := os.ReadDir(filepath.Join(c.RunDir, "sites"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("look for containers: %w", err)
	}
	return len(sites) == 0, nil
}

// findProgram finds logis-init or logis-probe beside logisd, or where packages and `make install` put it.
func findProgram(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find logisd itself: %w", err)
	}
	for _, dir := range []string{filepath.Dir(self), "/usr/lib/logis", "/usr/local/lib/logis"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is neither beside %s nor in /usr/lib/logis: run make install", name, self)
}

// proxyIDs looks up the proxy's user; -1 when it does not exist, and then only root can be the proxy.
func proxyIDs(log *slog.Logger) (uid, gid int) {
	u, err := user.Lookup(proxyUser)
	if err != nil {
		log.Warn("no user for the proxy: its socket is root's alone", "user", proxyUser)
		return -1, -1
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid
}

// listen opens the API socket: for group logis, whose id it returns, or for root alone where the group is missing.
func listen(c config.Config, log *slog.Logger) (_ net.Listener, gid int, err error) {
	mode := os.FileMode(0o660)
	if g, err := user.LookupGroup(group); err != nil {
		log.Warn("no group for the API socket: it is root's alone", "group", group, "mend", "groupadd --system "+group)
		mode = 0o600
	} else if gid, err = strconv.Atoi(g.Gid); err != nil {
		return nil, 0, fmt.Errorf("read id of group %s: %w", group, err)
	}
	l, err := linux.ListenUnix(c.Socket(), mode, 0, gid)
	if err != nil {
		return nil, 0, fmt.Errorf("open API socket: %w", err)
	}
	return l, gid, nil
}
