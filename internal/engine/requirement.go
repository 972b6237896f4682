package engine

import (
	"context"

	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/require"
)

// plenty is the free space of the pool below which doctor warns, in bytes.
const plenty = 1 << 30

func (e *Engine) ids() require.IDs {
	first, last := e.store.IDs()
	return require.IDs{First: first, Last: last}
}

// requirements are those of package require, and what only logisd's own parts can tell.
func (e *Engine) requirements(ctx context.Context) []require.Check {
	opts := require.Options{
		Instance: e.config.Instance, Bridge: e.network.Bridge(), StateDir: e.config.StateDir,
		Pool:     e.pool.Dir(),
		LoopFile: e.config.LoopFile(), Proxy: e.config.Proxy.HTTP, IDs: e.ids(),
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
	free, total, err := e.pool.Free(ctx)
	if err == nil {
		checks = append(checks, require.Room("pool", e.pool.Dir(), free, total, plenty))
	}
	resolver := require.Check{What: "name resolution", Status: require.OK, Found: e.network.Nameserver()}
	if resolver.Found == "" {
		resolver = require.Check{
			What: resolver.What, Status: require.Warning, Found: "the host has no nameserver: sites cannot resolve names",
			Mend: "name one in /etc/resolv.conf",
		}
	}
	if found := e.view.Found(); found != "" {
		checks = append(checks, require.Check{What: "view of sites", Status: require.OK, Found: found})
	}
	proxy := require.Check{What: "logis-proxy", Status: require.OK, Found: "connected"}
	if !e.routes.Connected() {
		proxy = require.Check{
			What: proxy.What, Status: require.Missing, Found: "not connected: no website answers",
			Mend: "systemctl start logis-proxy, or as root: logis-proxy",
		}
	}
	return append(checks, resolver, proxy, require.Connections(len(e.store.All()), network.EntriesOfSite(), network.OpenOfSite()))
}
