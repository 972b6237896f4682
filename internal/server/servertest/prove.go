package servertest

import (
	"context"

	"github.com/logis-project/logis/internal/engine"
)

// Prove implements server.Engine.
func (m *Engine) Prove(ctx context.Context, name string, report engine.ProofReport) (engine.ProofSum, error) {
	return m.Proof(ctx, name, report)
}
