package servertest

import (
	"context"
	"fmt"
	"time"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/network"
	"github.com/logis-project/logis/internal/site"
)

// Stats implements server.Engine. Each time it is asked, two seconds have passed in which every site that runs used a quarter
// of a processor, received 3,000 bytes, sent 2 MiB and had 25 requests, of which one in five failed. Uncounted leaves these out.
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
				return engine.Stats{}, fmt.Errorf("%q: %w", name, err)
			}
			all = append(all, one)
		}
	}
	m.mu.Lock()
	m.asked++
	asked := m.asked
	m.mu.Unlock()
	out := engine.Stats{At: Birth().Add(time.Duration(asked) * 2 * time.Second)}
	if !m.Uncounted {
		out.Counted = &engine.Counted{Since: Birth()}
	}
	for _, s := range all {
		one := engine.SiteStats{Record: s.Record, State: s.State, Usage: s.Usage}
		if s.State == site.Running {
			one.Usage.CPUSeconds += 0.5 * float64(asked)
			one.Requests.Classes = [5]int64{1: 40 * int64(asked), 4: 10 * int64(asked)}
			one.Requests.Nanos = int64(asked) * int64(time.Second)
			one.Traffic = network.Traffic{Received: 6000 * int64(asked), Sent: 4 << 20 * int64(asked)}
		}
		out.Sites = append(out.Sites, one)
	}
	return out, nil
}
