package client

import (
	"context"

	"github.com/logis-project/logis/api"
)

// Prove tries in a site what must not work there, in a throw-away one if site is empty, and calls report for every step and
// row. The rows are not in what it returns. Cancelling ctx ends the proof: Prove then returns when logisd has destroyed what
// it made, with ctx's error; that with ErrStillEnding when this took longer than 30 seconds.
func (c *Client) Prove(ctx context.Context, site string, report func(api.ProofElement)) (sum api.Proof, err error) {
	body, err := asJSON(api.ProveRequest{Site: site})
	if err != nil {
		return sum, err
	}
	return outcome(ctx, c, "/v1/doctor/prove", body, func(e api.ProofElement) (*api.Proof, *api.Error) { return e.Done, e.Error }, report)
}
