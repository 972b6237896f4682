package server

import (
	"context"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
)

// Domains of a site change while it is served.
type Domains interface {
	AddDomain(ctx context.Context, name, domain string) (engine.DomainChange, error)
	RemoveDomain(ctx context.Context, name, domain string) (engine.DomainChange, error)
}

type addDomainInput struct {
	Name string `path:"name" maxLength:"64"`
	Body api.DomainRequest
}

type removeDomainInput struct {
	Name   string `path:"name" maxLength:"64"`
	Domain string `query:"domain" required:"true"`
}

type domainOutput struct{ Body api.DomainChange }

func (s *Server) addDomain(ctx context.Context, in *addDomainInput) (*domainOutput, error) {
	return domainChange(s.engine.AddDomain(ctx, in.Name, in.Body.Domain))
}

func (s *Server) removeDomain(ctx context.Context, in *removeDomainInput) (*domainOutput, error) {
	return domainChange(s.engine.RemoveDomain(ctx, in.Name, in.Domain))
}

func domainChange(c engine.DomainChange, err error) (*domainOutput, error) {
	if err != nil {
		return nil, fail(err)
	}
	return &domainOutput{api.DomainChange{Domain: c.Domain, Changed: c.Changed, Site: siteOf(c.Status)}}, nil
}
