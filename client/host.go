package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/logis-project/logis/api"
)

// Up starts the sites that should run and returns when each has been tried.
func (c *Client) Up(ctx context.Context) (api.BootReport, error) {
	return get[api.BootReport](ctx, c, http.MethodPost, "/v1/host/up", nil)
}

// Down stops every site until Up or the host's next boot; what still runs after timeout is killed.
func (c *Client) Down(ctx context.Context, timeout time.Duration) (api.DownReport, error) {
	q := url.Values{"timeout": {strconv.FormatFloat(timeout.Seconds(), 'f', -1, 64)}}
	return get[api.DownReport](ctx, c, http.MethodPost, "/v1/host/down?"+q.Encode(), nil)
}
