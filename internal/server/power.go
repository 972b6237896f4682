package server

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/site"
)

// Power starts and stops sites.
type Power interface {
	Start(ctx context.Context, name string, opts engine.StartOptions) (site.Status, error)
	Stop(ctx context.Context, name string, report engine.SiteReport) (site.Status, error)
	Restart(ctx context.Context, name string, opts engine.StartOptions) (site.Status, error)
	Several(ctx context.Context, power engine.Power, opts engine.SeveralOptions)
}

type startInput struct {
	Name   string `path:"name" maxLength:"255"`
	NoWait bool   `query:"no_wait" doc:"answer before the site is ready"`
}

type sitesInput struct{ Body api.SitesRequest }

func (s *Server) startSite(ctx context.Context, in *startInput) (*siteOutput, error) {
	return answer(s.engine.Start(ctx, in.Name, engine.StartOptions{NoWait: in.NoWait}))
}

func (s *Server) stopSite(ctx context.Context, in *named) (*siteOutput, error) {
	return answer(s.engine.Stop(ctx, in.Name, nil))
}

func (s *Server) restartSite(ctx context.Context, in *startInput) (*siteOutput, error) {
	return answer(s.engine.Restart(ctx, in.Name, engine.StartOptions{NoWait: in.NoWait}))
}

// several is the handler that starts, stops or restarts several sites.
func (s *Server) several(power engine.Power) func(context.Context, *sitesInput) (*huma.StreamResponse, error) {
	return func(ctx context.Context, in *sitesInput) (*huma.StreamResponse, error) {
		if err := checkNames(in.Body); err != nil {
			return nil, err
		}
		return streaming(func(send func(api.SiteProgress)) (api.SitesEnd, error) {
			var end api.SitesEnd
			s.engine.Several(ctx, power, engine.SeveralOptions{
				Names: in.Body.Names, All: in.Body.All, NoWait: in.Body.NoWait,
				Plan:     func(names []string) { send(api.SiteProgress{Sites: names}) },
				Progress: func(name string, p engine.SiteProgress) { send(siteProgressOf(name, p)) },
				Done: func(o engine.SiteOutcome) {
					end.Sites++
					if o.Err != nil {
						end.Failed++
					}
					send(outcomeOf(o))
				},
			})
			return end, nil
		}, func(end *api.SitesEnd, err *api.Error) api.SiteProgress {
			return api.SiteProgress{End: end, Error: err}
		}), nil
	}
}

func checkNames(req api.SitesRequest) error {
	switch {
	case req.All == (len(req.Names) > 0):
		return invalid("which sites? give names, or all")
	case req.All:
		return nil
	}
	seen := make(map[string]bool, len(req.Names))
	for _, name := range req.Names {
		if seen[name] {
			return invalid(fmt.Sprintf("%q is given twice", short(name)))
		}
		seen[name] = true
	}
	return nil
}

func siteProgressOf(name string, p engine.SiteProgress) api.SiteProgress {
	return api.SiteProgress{Site: name, Step: string(p.Step), Waiting: p.Waiting}
}

func outcomeOf(o engine.SiteOutcome) api.SiteProgress {
	out := api.SiteProgress{Site: o.Name, Seconds: o.Took.Seconds()}
	if o.Err != nil {
		out.Error = &asFailure(o.Err).body
		return out
	}
	done := siteOf(o.Status)
	out.Done, out.Unchanged = &done, o.Unchanged
	return out
}
