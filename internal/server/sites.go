package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/site"
)

type none struct{}

type named struct {
	Name string `path:"name" maxLength:"255"`
}

type waitInput struct {
	Name    string  `path:"name" maxLength:"255"`
	For     string  `query:"for" enum:"ready,stopped" default:"ready"`
	Timeout float64 `query:"timeout" minimum:"0" maximum:"31536000" doc:"seconds; 0 is no limit"`
}

type createInput struct{ Body api.CreateRequest }

type versionOutput struct{ Body api.VersionInfo }

type siteOutput struct{ Body api.Site }

type sitesOutput struct{ Body []api.Site }

func version(context.Context, *none) (*versionOutput, error) {
	return &versionOutput{api.VersionInfo{Version: api.Version}}, nil
}

func (s *Server) listSites(ctx context.Context, _ *none) (*sitesOutput, error) {
	all, err := s.engine.List(ctx)
	if err != nil {
		return nil, fail(err)
	}
	out := make([]api.Site, 0, len(all))
	for _, st := range all {
		out = append(out, siteOf(st))
	}
	return &sitesOutput{out}, nil
}

func (s *Server) createSite(ctx context.Context, in *createInput) (*huma.StreamResponse, error) {
	req := in.Body
	return streamingIfAsked(http.StatusCreated, func(send func(api.SiteProgress)) (api.Site, error) {
		st, err := s.engine.Create(ctx, site.Spec{
			Name: req.Name, Image: req.Image, Domains: req.Domains, SSHKeys: req.SSHKeys,
			Limits: limitsAsked(req.Limits), Priority: req.Priority,
		}, engine.CreateOptions{
			NoStart: req.NoStart, NoWait: req.NoWait,
			Report: func(p engine.SiteProgress) { send(siteProgressOf(req.Name, p)) },
		})
		return siteOf(st), err
	}, func(made *api.Site, err *api.Error) api.SiteProgress {
		return api.SiteProgress{Site: req.Name, Done: made, Error: err}
	}), nil
}

func (s *Server) showSite(ctx context.Context, in *named) (*siteOutput, error) {
	return answer(s.engine.Show(ctx, in.Name))
}

func (s *Server) destroySite(ctx context.Context, in *named) (*struct{}, error) {
	return nil, fail(s.engine.Destroy(ctx, in.Name))
}

func (s *Server) waitSite(ctx context.Context, in *waitInput) (*siteOutput, error) {
	target := site.Running
	if in.For == "stopped" {
		target = site.Stopped
	}
	limit := time.Duration(in.Timeout * float64(time.Second))
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	st, err := s.engine.Wait(ctx, in.Name, target)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return nil, newFailure(500, api.CodeFailed, fmt.Sprintf("not %s after %s: see `logis show %s` and `logis logs %s`",
			in.For, limit, in.Name, in.Name))
	}
	return answer(st, err)
}

func answer(st site.Status, err error) (*siteOutput, error) {
	if err != nil {
		return nil, fail(err)
	}
	return &siteOutput{siteOf(st)}, nil
}
