package client

import (
	"context"
	"net/http"

	"github.com/logis-project/logis/api"
)

// Set changes limits and priority of a site, at once where it runs. On an error nothing is changed; a limit below what is in
// use is api.CodeConflict.
func (c *Client) Set(ctx context.Context, name string, req api.SetRequest) (api.Site, error) {
	return get[api.Site](ctx, c, http.MethodPatch, sitePath(name), req)
}
