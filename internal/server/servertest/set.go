package servertest

import (
	"context"

	"github.com/logis-project/logis/internal/site"
)

// Set implements server.Engine.
func (m *Engine) Set(_ context.Context, name string, change site.Change) (site.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sites[name]
	if !ok {
		return s, site.ErrNotFound
	}
	spec, err := change.Apply(s.Record.Spec)
	if err != nil {
		return site.Status{}, err
	}
	s.Record.Spec = spec
	m.sites[name] = s
	return s, nil
}
