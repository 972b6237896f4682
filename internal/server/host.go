package server

import (
	"context"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
)

type downInput struct {
	Timeout float64 `query:"timeout" minimum:"1" maximum:"3600" default:"60" doc:"seconds; what still runs then is killed"`
}

type bootOutput struct{ Body api.BootReport }

type downOutput struct{ Body api.DownReport }

func (s *Server) up(ctx context.Context, _ *none) (*bootOutput, error) {
	report, err := s.engine.Up(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return &bootOutput{bootOf(report)}, nil
}

func (s *Server) down(ctx context.Context, in *downInput) (*downOutput, error) {
	stopped, err := s.engine.Down(ctx, time.Duration(in.Timeout*float64(time.Second)))
	if err != nil {
		return nil, fail(err)
	}
	return &downOutput{api.DownReport{Stopped: stopped}}, nil
}

func bootOf(r engine.BootReport) api.BootReport {
	out := api.BootReport{BeganAt: r.Began.UTC(), Sites: make([]api.BootSite, 0, len(r.Sites))}
	if !r.Ended.IsZero() {
		out.EndedAt = r.Ended.UTC()
	}
	for _, s := range r.Sites {
		out.Sites = append(out.Sites, api.BootSite{
			Name: s.Name, Outcome: string(s.Outcome), Error: s.Error, Seconds: s.Took.Seconds(),
		})
	}
	return out
}
