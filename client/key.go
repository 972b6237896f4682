package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/logis-project/logis/api"
)

// Keys returns the ssh keys that let a site's owner in. Those that the owner has added inside are not among them.
func (c *Client) Keys(ctx context.Context, name string) ([]api.Key, error) {
	return get[[]api.Key](ctx, c, http.MethodGet, sitePath(name)+"/keys", nil)
}

// AddKeys gives a site the keys of authorized_keys lines, from the next connection on. A line that is no key is api.CodeInvalid, and
// then none is added.
func (c *Client) AddKeys(ctx context.Context, name string, lines []string) (api.KeyChange, error) {
	return get[api.KeyChange](ctx, c, http.MethodPost, sitePath(name)+"/keys", api.KeysRequest{Keys: lines})
}

// RemoveKeys takes keys from a site, each named by its fingerprint or its comment, from the next connection on. One that the site has not
// is api.CodeNotFound, a comment of several keys api.CodeInvalid, and then none is removed.
func (c *Client) RemoveKeys(ctx context.Context, name string, which []string) (api.KeyChange, error) {
	q := url.Values{"key": which}
	return get[api.KeyChange](ctx, c, http.MethodDelete, sitePath(name)+"/keys?"+q.Encode(), nil)
}
