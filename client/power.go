package client

import (
	"context"
	"net/http"

	"github.com/logis-project/logis/api"
)

// Create makes a site and returns when it is ready, unless the request says otherwise. report, which may be nil, is told what
// goes on. Cancelling ctx makes logisd undo what it has done: Create then returns when nothing of it is left, with ctx's
// error; that with ErrStillEnding when this took longer than 30 seconds.
func (c *Client) Create(ctx context.Context, req api.CreateRequest, report ...func(api.SiteProgress)) (made api.Site, err error) {
	body, err := asJSON(req)
	if err != nil {
		return made, err
	}
	return outcome(ctx, c, "/v1/sites", body, func(p api.SiteProgress) (*api.Site, *api.Error) { return p.Done, p.Error }, func(p api.SiteProgress) {
		for _, r := range report {
			if r != nil {
				r(p)
			}
		}
	})
}

// Start starts a site and returns when it is ready, with noWait when it is starting.
func (c *Client) Start(ctx context.Context, name string, noWait bool) (api.Site, error) {
	return get[api.Site](ctx, c, http.MethodPost, sitePath(name)+"/start"+noWaitQuery(noWait), nil)
}

// Stop stops a site and returns when nothing of it runs.
func (c *Client) Stop(ctx context.Context, name string) (api.Site, error) {
	return get[api.Site](ctx, c, http.MethodPost, sitePath(name)+"/stop", nil)
}

// Restart stops and starts a site.
func (c *Client) Restart(ctx context.Context, name string, noWait bool) (api.Site, error) {
	return get[api.Site](ctx, c, http.MethodPost, sitePath(name)+"/restart"+noWaitQuery(noWait), nil)
}

// StartSites starts several sites, a few at a time, and returns when each has an outcome. report is told which they are,
// what goes on, and of every outcome: what a site fails of is there, and is no error of StartSites. Cancelling ctx keeps
// those from their turn that have not had it; a start that has begun goes on at logisd. StartSites then returns ctx's error,
// and that with ErrStillEnding when logisd did not end it within 30 seconds.
func (c *Client) StartSites(ctx context.Context, req api.SitesRequest, report func(api.SiteProgress)) (api.SitesEnd, error) {
	return c.several(ctx, "start", req, report)
}

// StopSites is StartSites for stopping.
func (c *Client) StopSites(ctx context.Context, req api.SitesRequest, report func(api.SiteProgress)) (api.SitesEnd, error) {
	return c.several(ctx, "stop", req, report)
}

// RestartSites is StartSites for restarting.
func (c *Client) RestartSites(ctx context.Context, req api.SitesRequest, report func(api.SiteProgress)) (api.SitesEnd, error) {
	return c.several(ctx, "restart", req, report)
}

func (c *Client) several(ctx context.Context, verb string, req api.SitesRequest, report func(api.SiteProgress)) (end api.SitesEnd, err error) {
	body, err := asJSON(req)
	if err != nil {
		return end, err
	}
	end, err = outcome(ctx, c, "/v1/sites/"+verb, body, func(p api.SiteProgress) (*api.SitesEnd, *api.Error) {
		if p.Site != "" {
			return nil, nil // of that site
		}
		return p.End, p.Error
	}, report)
	if err == nil {
		err = ctx.Err()
	}
	return end, err
}
