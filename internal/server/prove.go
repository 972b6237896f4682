package server

import (
	"context"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

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
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		_, w := humago.Unwrap(hctx)
		var mu sync.Mutex // a report may come from any goroutine
		out := newLines(w)
		send := func(e api.ProofElement) {
			mu.Lock()
			defer mu.Unlock()
			_ = out.write(e) // a client that has left cancels ctx
		}
		sum, err := s.engine.Prove(ctx, in.Body.Site, engine.ProofReport{
			Step: func(text string) { send(api.ProofElement{Step: text}) },
			Row: func(r engine.ProofRow) {
				send(api.ProofElement{Row: &api.ProofRow{
					Group: r.Group, Attempt: r.Attempt, Expected: r.Expected, Seen: r.Seen, OK: r.OK, Untried: r.Untried,
				}})
			},
		})
		if err != nil {
			send(api.ProofElement{Error: &asFailure(err).body})
			return
		}
		send(api.ProofElement{Done: &api.Proof{
			Site: sum.Site, Throwaway: sum.Throwaway, Attempts: sum.Attempts, Differ: sum.Differ, Untried: sum.Untried,
		}})
	}}, nil
}
