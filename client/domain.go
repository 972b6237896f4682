package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/logis-project/logis/api"
)

// AddDomain gives a site a further domain; visitors reach it there when this returns. A domain that the site has already changes
// nothing; one that another site has is api.CodeConflict.
func (c *Client) AddDomain(ctx context.Context, name, domain string) (api.DomainChange, error) {
	return get[api.DomainChange](ctx, c, http.MethodPost, sitePath(name)+"/domains", api.DomainRequest{Domain: domain})
}

// RemoveDomain takes a domain from a site. One that the site has not is api.CodeNotFound, its own one api.CodeConflict.
func (c *Client) RemoveDomain(ctx context.Context, name, domain string) (api.DomainChange, error) {
	q := url.Values{"domain": {domain}}
	return get[api.DomainChange](ctx, c, http.MethodDelete, sitePath(name)+"/domains?"+q.Encode(), nil)
}
