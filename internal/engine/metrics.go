package engine

import (
	"context"
	"slices"

	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/pool"
	"github.com/logis-project/logis/internal/site"
)

// Metrics is what programs that watch the host are told: Stats of all sites but those of proofs, with as much as could be read.
type Metrics struct {
	Stats
	Pool  pool.Space
	Proxy bool // a logis-proxy is connected, and has every route
	// What could not be read, and is empty: the pool's space or the sites' disks, the sites' traffic. Requests are Stats.Counted.
	PoolErr, DisksErr, TrafficErr error
}

// Metrics reads what is told. It asks nothing of a site, and costs the host what Stats costs less the commit of the pool: disks
// are as of the last one, half a minute ago at most. Services are only those that the site's image has of its own, since the
// names of others are the site's words.
func (e *Engine) Metrics(ctx context.Context) (Metrics, error) {
	records := slices.DeleteFunc(e.store.All(), func(rec site.Record) bool { return rec.Spec.Throwaway })
	r := e.readAll(ctx, false)
	m := Metrics{Stats: e.statsOf(records, r), Proxy: e.routes.Connected(), DisksErr: r.disksErr, TrafficErr: r.cablesErr}
	m.Pool, m.PoolErr = e.pool.Space(ctx)
	own := map[string][]string{}
	for i, s := range m.Sites {
		known, ok := own[s.Record.Spec.Image]
		if !ok {
			known = ownServices(s.Record.Spec.Image)
			own[s.Record.Spec.Image] = known
		}
		m.Sites[i].Services = only(known, s.Services)
	}
	return m, ctx.Err()
}

// ownServices are the names of the services of an image that logis carries; another has none that are known here.
func ownServices(name string) []string {
	manifest, err := image.Embedded(name)
	if err != nil {
		return nil
	}
	var names []string
	for _, s := range manifest.Services {
		names = append(names, s.Name)
	}
	return names
}

// only returns the first of each known name.
func only(known []string, services []site.Service) []site.Service {
	var out []site.Service
	for _, name := range known {
		if i := slices.IndexFunc(services, func(s site.Service) bool { return s.Name == name }); i >= 0 {
			out = append(out, services[i])
		}
	}
	return out
}
