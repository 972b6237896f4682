package server

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
)

// Prover tries in a site what must not work there.
type Prover interface {
	Prove(ctx context.Context, name string, report engine.ProofReport) (engine.ProofSum, error)
}

type proveInput struct{ Body api.ProveRequest }

// doctorProve answers 200 before it knows how the proof ends: its last element says.
func (s *Server) doctorProve(ctx context.Context, in *proveInput) (*huma.StreamResponse, error) {
	return streaming(func(send func(api.ProofElement)) (api.Proof, error) {
		sum, err := s.engine.Prove(ctx, in.Body.Site, engine.ProofReport{
			Step: func(text string) { send(api.ProofElement{Step: text}) },
			Row: func(r engine.ProofRow) {
				send(api.ProofElement{Row: &api.ProofRow{
					Group: r.Group, Attempt: r.Attempt, Expected: r.Expected, Seen: r.Seen, OK: r.OK, Untried: r.Untried,
				}})
			},
		})
		return api.Proof{
			Site: sum.Site, Throwaway: sum.Throwaway, Attempts: sum.Attempts, Differ: sum.Differ, Untried: sum.Untried,
		}, err
	}, func(sum *api.Proof, err *api.Error) api.ProofElement { return api.ProofElement{Done: sum, Error: err} }), nil
}
