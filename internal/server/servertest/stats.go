package servertest

import (
	"context"
	"time"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

// Stats implements server.Engine. Each time it is asked, two seconds have passed in which every site that runs used a quarter
// of a processor, received 3,000 bytes and sent 2 MiB.
func (m *Engine) Stats(ctx context.Context, names []string) (engine.Stats, error) {
	all, err := m.List(ctx)
	if err != nil {
		return engine.Stats{}, err
	}
	if len(names) > 0 {
		all = nil
		for _, name := range names {
			one, err := m.Show(ctx, name)
			if err != nil {
				return engine.Stats{}, err
			}
			all = append(all, one)
		}
	}
	m.mu.Lock()
	m.asked++
	asked := m.asked
	m.mu.Unlock()
	out := engine.Stats{At: Birth().Add(time.Duration(asked) * 2 * time.Second)}
	for _, s := range all {
		one := engine.SiteStats{Record: s.Record, State: s.State, Usage: s.Usage}
		if s.State == site.Running {
			one.Usage.CPUSeconds += 0.5 * float64(asked)
			one.Traffic = network.Traffic{Received: 6000 * int64(asked), Sent: 4 << 20 * int64(asked)}
		}
		out.Sites = append(out.Sites, one)
	}
	return out, nil
}
