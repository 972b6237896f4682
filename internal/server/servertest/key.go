package servertest

import (
	"context"

	"github.com/logis-project/logis/internal/site"
	"github.com/logis-project/logis/internal/sshkey"
)

// Keys implements server.Engine.
func (m *Engine) Keys(name string) ([]sshkey.Key, error) {
	s, err := m.Show(context.Background(), name)
	return s.Record.Spec.Keys(), err
}

// AddKeys implements server.Engine.
func (m *Engine) AddKeys(_ context.Context, name string, lines []string) (site.KeyChange, error) {
	return m.changeKeys(name, func(spec site.Spec) (site.Spec, site.KeyChange, error) { return spec.AddKeys(lines) })
}

// RemoveKeys implements server.Engine.
func (m *Engine) RemoveKeys(_ context.Context, name string, which []string) (site.KeyChange, error) {
	return m.changeKeys(name, func(spec site.Spec) (site.Spec, site.KeyChange, error) { return spec.RemoveKeys(which) })
}

func (m *Engine) changeKeys(name string, change func(site.Spec) (site.Spec, site.KeyChange, error)) (site.KeyChange, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sites[name]
	if !ok {
		return site.KeyChange{}, site.ErrNotFound
	}
	spec, changed, err := change(s.Record.Spec)
	if err == nil {
		s.Record.Spec = spec
		m.sites[name] = s
	}
	return changed, err
}
