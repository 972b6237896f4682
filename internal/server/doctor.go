package server

import (
	"context"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
)

// Health is the host compared with what it should be.
type Health interface {
	Doctor(ctx context.Context) (engine.Diagnosis, error)
	Mend(ctx context.Context) (engine.Diagnosis, error)
}

type doctorOutput struct{ Body api.Doctor }

func (s *Server) doctor(ctx context.Context, _ *none) (*doctorOutput, error) {
	d, err := s.engine.Doctor(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return &doctorOutput{doctorOf(d)}, nil
}

func (s *Server) doctorFix(ctx context.Context, _ *none) (*doctorOutput, error) {
	d, err := s.engine.Mend(ctx)
	if err != nil {
		return nil, fail(err)
	}
	return &doctorOutput{doctorOf(d)}, nil
}

func doctorOf(d engine.Diagnosis) api.Doctor {
	out := api.Doctor{
		Requirements: make([]api.Check, 0, len(d.Requirements)), Findings: make([]api.Finding, 0, len(d.Findings)),
		Boot: bootOf(d.Boot), Halted: d.Halted, Sites: d.Sites, Busy: list(d.Busy),
	}
	for _, c := range d.Requirements {
		out.Requirements = append(out.Requirements, api.Check{Group: string(c.Group), What: c.What, Status: string(c.Status), Found: c.Found, Mend: c.Mend})
	}
	for _, f := range d.Findings {
		out.Findings = append(out.Findings, api.Finding{
			Site: f.Site, What: f.What, Mend: f.Remedy, Safe: f.Safe, Mended: f.Mended, Left: f.Left,
		})
	}
	return out
}
