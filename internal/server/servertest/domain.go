package servertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/site"
)

// AddDomain implements server.Engine.
func (m *Engine) AddDomain(_ context.Context, name, domain string) (engine.DomainChange, error) {
	return m.changeDomain(name, domain, func(s *site.Status, domain string) (bool, error) {
		for _, other := range m.sites {
			if other.Record.Name() != name && slices.Contains(other.Domains, domain) {
				return false, fmt.Errorf("%w: domain %s belongs to site %s", site.ErrConflict, domain, other.Record.Name())
			}
		}
		if slices.Contains(s.Domains, domain) {
			return false, nil
		}
		s.Domains = append(slices.Clone(s.Domains), domain)
		s.URLs = append(slices.Clone(s.URLs), "http://"+domain+"/")
		return true, nil
	})
}

// RemoveDomain implements server.Engine.
func (m *Engine) RemoveDomain(_ context.Context, name, domain string) (engine.DomainChange, error) {
	return m.changeDomain(name, domain, func(s *site.Status, domain string) (bool, error) {
		i := slices.Index(s.Domains, domain)
		switch i {
		case -1:
			return false, fmt.Errorf("%w: the site has no domain %s", site.ErrAbsent, domain)
		case 0:
			return false, fmt.Errorf("%w: domain %s belongs to the site by its name", site.ErrConflict, domain)
		}
		s.Domains, s.URLs = slices.Delete(slices.Clone(s.Domains), i, i+1), slices.Delete(slices.Clone(s.URLs), i, i+1)
		return true, nil
	})
}

func (m *Engine) changeDomain(name, domain string, change func(*site.Status, string) (bool, error)) (engine.DomainChange, error) {
	domain, err := site.CanonicalDomain(domain)
	if err != nil {
		return engine.DomainChange{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sites[name]
	if !ok {
		return engine.DomainChange{}, site.ErrNotFound
	}
	changed, err := change(&s, domain)
	if err == nil {
		m.sites[name] = s
	}
	return engine.DomainChange{Domain: domain, Changed: changed, Status: s}, err
}
