package server

import (
	"context"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/route"
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
	if c := stats.Counted; c != nil {
		since := c.Since.UTC().Truncate(time.Millisecond)
		out.RequestsSince = &since
	}
	for _, one := range stats.Sites {
		s := api.SiteStats{
			Name: one.Record.Name(), State: string(one.State), Limits: limitsOf(one.Record.Spec.Limits), Usage: usageOf(one.Usage),
			Network: api.Traffic{ReceivedBytes: one.Traffic.Received, SentBytes: one.Traffic.Sent},
		}
		if stats.Counted != nil {
			s.Requests = requestsOf(one.Requests)
		}
		out.Sites = append(out.Sites, s)
	}
	return &statsOutput{out}, nil
}

func requestsOf(t route.Tally) *api.Requests {
	c := t.Classes
	return &api.Requests{
		Total: t.Total(), Status: api.StatusClasses{C1xx: c[0], C2xx: c[1], C3xx: c[2], C4xx: c[3], C5xx: c[4]},
		Seconds: time.Duration(t.Nanos).Seconds(),
	}
}
