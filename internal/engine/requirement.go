package engine

import (
	"context"

	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/require"
	"github.com/logis-project/logis/internal/site"
)

// plenty is the free space of the pool below which doctor warns, in bytes.
const plenty = 1 << 30

func (e *Engine) ids() require.IDs {
	first, last := e.store.IDs()
	return require.IDs{First: first, Last: last}
}

// requirements are those of package require, and what only logisd's own parts can tell.
func (e *Engine) requirements(ctx context.Context) []require.Check {
	c := e.config
	opts := require.Options{
		Instance: c.Instance, Bridge: e.network.Bridge(), Subnet4: c.Network.Subnet4, Subnet6: c.Network.Subnet6,
		StateDir: c.StateDir, Pool: e.pool.Dir(), LoopFile: c.LoopFile(), PoolSize: int64(c.Pool.Size),
		Proxy: c.Proxy.HTTP, SSHPorts: [2]uint16{c.SSH.Ports.First, c.SSH.Ports.Last}, IDs: e.ids(),
	}
	first, each := e.store.SiteIDs()
	opts.Sited = len(first) > 0 || len(e.store.Broken()) > 0
	for _, f := range first {
		opts.SiteIDs = append(opts.SiteIDs, require.IDs{First: f, Last: f + each - 1})
	}
	for _, rec := range e.store.All() {
		opts.Ports = append(opts.Ports, require.Port{Number: rec.SSHPort, Site: rec.Name()})
	}
	checks := require.All(opts)
	if free, total, err := e.pool.Free(ctx); err == nil {
		room := require.Room("pool", e.pool.Dir(), free, total, plenty)
		room.Group = require.Disk
		checks = append(checks, room)
	}
	if found := e.view.Found(); found != "" {
		checks = append(checks, require.Check{Group: require.Sites, What: "view of sites", Status: require.OK, Found: found})
	}
	connections := require.Connections(len(e.store.All()), network.EntriesOfSite(), network.OpenOfSite())
	return append(checks, nameResolution(e.network.Nameserver()), proxyOf(e.routes.Connected()), connections, e.defaults(ctx))
}

func nameResolution(nameserver string) require.Check {
	c := require.Check{Group: require.Network, What: "name resolution", Status: require.OK, Found: nameserver}
	if nameserver == "" {
		c.Status, c.Found = require.Warning, "the host has no nameserver: sites cannot resolve names"
		c.Mend = "name one: echo nameserver ADDRESS >> /etc/resolv.conf"
	}
	return c
}

func proxyOf(connected bool) require.Check {
	c := require.Check{Group: require.Network, What: "logis-proxy", Status: require.OK, Found: "connected"}
	if !connected {
		c.Status, c.Found = require.Missing, "not connected: no website answers"
		c.Mend = "systemctl start logis-proxy, or as root: logis-proxy"
	}
	return c
}

// defaults tells whether a site can be made here whose creator asks for nothing. Swap is what a site may use of what there is.
func (e *Engine) defaults(ctx context.Context) require.Check {
	check := func(status require.Status, found, mend string) require.Check {
		return require.Check{Group: require.Sites, What: "defaults of sites", Status: status, Found: found, Mend: mend}
	}
	spec := e.withDefaults(site.Spec{Limits: site.Limits{Swap: site.Unset, IOBandwidth: site.Unset, Bandwidth: site.Unset}})
	m, err := e.machine(ctx)
	if err != nil {
		return check(require.Warning, "cannot tell: "+err.Error(), "look at it by hand")
	}
	for _, f := range m.misfits(site.Limits{}, spec.Limits) {
		if f.key != "swap" {
			return check(require.Warning, f.what, "set "+f.key+" below [defaults] in logis.toml, or give another with logis create")
		}
	}
	if _, err := e.newestImage(spec.Image); err != nil {
		return check(require.Warning, "there is no image "+spec.Image+" yet", "logis image build "+spec.Image)
	}
	return check(require.OK, "a site of image "+spec.Image+" can be made", "")
}

// sayNoImage logs that the image of the defaults is not there, before the first create says so.
func (e *Engine) sayNoImage() {
	if name := e.config.Defaults.Image; name != "" {
		if _, err := e.newestImage(name); err != nil {
			e.log.Warn("the image of [defaults] in logis.toml is not there yet", "image", name, "mend", "logis image build "+name)
		}
	}
}
