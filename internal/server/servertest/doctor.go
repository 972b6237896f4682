package servertest

import (
	"context"
	"slices"

	"github.com/logis-project/logis/internal/engine"
)

// Ill is what Doctor finds; Mend mends what is safe of it.
func (m *Engine) Ill(d engine.Diagnosis) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.diagnosis = d
}

// Doctor implements server.Engine.
func (m *Engine) Doctor(context.Context) (engine.Diagnosis, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.diagnosis, nil
}

// Mend implements server.Engine.
func (m *Engine) Mend(context.Context) (engine.Diagnosis, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.diagnosis
	d.Findings = slices.Clone(d.Findings)
	for i := range d.Findings {
		f := &d.Findings[i]
		if f.Mended = f.Safe; !f.Safe {
			f.Left = "this is for you to decide"
		}
	}
	m.diagnosis.Findings = slices.DeleteFunc(slices.Clone(d.Findings), func(f engine.Finding) bool { return f.Mended })
	return d, nil
}
