package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/logis-project/logis/api"
)

// Stats returns what sites use now: those of the names in their order, or all by name.
func (c *Client) Stats(ctx context.Context, names ...string) (api.Stats, error) {
	path := "/v1/stats"
	if len(names) > 0 {
		path += "?" + url.Values{"name": names}.Encode()
	}
	return get[api.Stats](ctx, c, http.MethodGet, path, nil)
}
