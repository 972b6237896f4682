package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/container"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/route"
	"github.com/logis-project/logis/internal/site"
)

// group may use the API socket; proxyUser runs logis-proxy.
const (
	group     = "logis"
	proxyUser = "logis-proxy"
)

// host is what the drivers opened.
type host struct {
	store      *site.Store
	pool       *pool.Pool
	containers *container.Runtime
	network    *network.Network
	routes     *route.Publisher
}

// lockHost takes the state directory for this process: two daemons on one state would lose records.
func lockHost(c config.Config) (unlock func(), err error) {
	// 0711 and 0755: logis-proxy reaches its own directory and its socket below them.
	for dir, mode := range map[string]os.FileMode{c.StateDir: 0o711, c.RunDir: 0o755} {
		if err := os.MkdirAll(dir, mode); err != nil {
			return nil, fmt.Errorf("make %s: %w", dir, err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			return nil, fmt.Errorf("make %s: %w", dir, err)
		}
	}
	path := filepath.Join(c.StateDir, "logisd.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path)
		return nil, errors.Join(fmt.Errorf("logisd already runs on %s as process %s: stop it first", c.StateDir, holder), f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteString(strconv.Itoa(os.Getpid()))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write lock: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// open opens the drivers, the pool first: nothing works without.
func open(ctx context.Context, c config.Config, log *slog.Logger) (*host, error) {
	init, err := findInit()
	if err != nil {
		return nil, err
	}
	h := &host{}
	h.network, err = network.New(network.Options{
		Instance: c.Instance, Subnet4: c.Network.Subnet4, Subnet6: c.Network.Subnet6,
		ProxyPorts: proxyPorts(c), ResolvConf: "/etc/resolv.conf", Log: log,
	})
	if err != nil {
		return nil, err
	}
	h.store, err = site.Open(filepath.Join(c.StateDir, "sites"), c.BaseDomain, site.Ranges{
		Subnet4: c.Network.Subnet4, Subnet6: c.Network.Subnet6,
		FirstPort: c.SSH.Ports.First, LastPort: c.SSH.Ports.Last, PortFree: h.network.PortFree,
	})
	if err != nil {
		return nil, err
	}
	h.pool, err = pool.Open(ctx, pool.Options{
		Path: c.Pool.Path, LoopFile: filepath.Join(c.StateDir, "pool.img"), MountPoint: filepath.Join(c.StateDir, "pool"),
		Size: int64(c.Pool.Size), Log: log,
	})
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	h.containers, err = container.New(container.Options{
		Instance: c.Instance, RunDir: c.RunDir, StateDir: c.StateDir, Init: init, Log: log,
	})
	if err != nil {
		return nil, errors.Join(err, h.pool.Close())
	}
	uid, gid := proxyIDs(log)
	h.routes, err = route.NewPublisher(route.Options{Socket: c.ProxySocket(), UID: uid, GID: gid, Log: log})
	if err != nil {
		return nil, errors.Join(err, h.pool.Close())
	}
	return h, nil
}

// findInit finds logis-init beside logisd, or where packages and `make install` put it.
func findInit() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find logisd itself: %w", err)
	}
	for _, dir := range []string{filepath.Dir(self), "/usr/lib/logis", "/usr/local/lib/logis"} {
		path := filepath.Join(dir, "logis-init")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", fmt.Errorf("logis-init is neither beside %s nor in /usr/lib/logis: run make install", self)
}

// proxyPorts are the ports that sites may reach on the host, to visit each other's websites.
func proxyPorts(c config.Config) []uint16 {
	var ports []uint16
	for _, address := range append(append([]string{}, c.Proxy.HTTP...), c.Proxy.HTTPS...) {
		if _, port, err := net.SplitHostPort(address); err == nil {
			if n, err := strconv.ParseUint(port, 10, 16); err == nil {
				ports = append(ports, uint16(n))
			}
		}
	}
	return ports
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

// listen opens the API socket: for group logis, or for root alone where the group is missing.
func listen(c config.Config, log *slog.Logger) (net.Listener, error) {
	path := c.Socket()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	old := unix.Umask(0o177) // root's alone until it is given away
	l, err := net.Listen("unix", path)
	unix.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("open API socket: %w", err)
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		log.Warn("no group for the API socket: it is root's alone", "group", group, "mend", "groupadd --system "+group)
		return l, nil
	}
	gid, err := strconv.Atoi(g.Gid)
	if err == nil {
		err = os.Chown(path, 0, gid)
	}
	if err == nil {
		err = os.Chmod(path, 0o660)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("give API socket to group %s: %w", group, err), l.Close())
	}
	return l, nil
}
