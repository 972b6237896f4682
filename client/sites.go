package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/logis-project/logis/api"
)

// Version returns the daemon's version.
func (c *Client) Version(ctx context.Context) (api.VersionInfo, error) {
	return get[api.VersionInfo](ctx, c, http.MethodGet, "/v1/version", nil)
}

// Sites returns all sites, by name.
func (c *Client) Sites(ctx context.Context) ([]api.Site, error) {
	return get[[]api.Site](ctx, c, http.MethodGet, "/v1/sites", nil)
}

// Site returns one site.
func (c *Client) Site(ctx context.Context, name string) (api.Site, error) {
	return get[api.Site](ctx, c, http.MethodGet, sitePath(name), nil)
}

// Destroy removes a site, in any state, and everything in it.
func (c *Client) Destroy(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, sitePath(name), nil, nil)
}

// Wait returns when the site is "ready" or "stopped", or with an error after timeout; 0 waits for ever.
func (c *Client) Wait(ctx context.Context, name, target string, timeout time.Duration) (api.Site, error) {
	q := url.Values{"for": {target}}
	if timeout > 0 {
		q.Set("timeout", strconv.FormatFloat(timeout.Seconds(), 'f', -1, 64))
	}
	return get[api.Site](ctx, c, http.MethodGet, sitePath(name)+"/wait?"+q.Encode(), nil)
}

// get calls and returns what was decoded.
func get[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out T
	err := c.call(ctx, method, path, in, &out)
	return out, err
}

func sitePath(name string) string { return "/v1/sites/" + segment(name) }

// segment writes a name as one part of a path: "." and ".." would be another path.
func segment(name string) string { return strings.ReplaceAll(url.PathEscape(name), ".", "%2E") }

func noWaitQuery(noWait bool) string {
	if noWait {
		return "?no_wait=true"
	}
	return ""
}
