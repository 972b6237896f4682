package server

import (
	"context"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
)

// Consumption is what sites use.
type Consumption interface {
	Stats(ctx context.Context, names []string) (engine.Stats, error)
}

type statsInput struct {
	Names []string `query:"name,explode" maxItems:"1000" doc:"of a site, any number of times; all without"`
}

type statsOutput struct{ Body api.Stats }

func (s *Server) stats(ctx context.Context, in *statsInput) (*statsOutput, error) {
	stats, err := s.engine.Stats(ctx, in.Names)
	if err != nil {
		return nil, fail(err)
	}
	out := api.Stats{At: stats.At.UTC().Truncate(time.Millisecond), Sites: make([]api.SiteStats, 0, len(stats.Sites))}
	for _, one := range stats.Sites {
		out.Sites = append(out.Sites, api.SiteStats{
			Name: one.Record.Name(), State: string(one.State), Limits: limitsOf(one.Record.Spec.Limits), Usage: usageOf(one.Usage),
			Network: api.Traffic{ReceivedBytes: one.Traffic.Received, SentBytes: one.Traffic.Sent},
		})
	}
	return &statsOutput{out}, nil
}
