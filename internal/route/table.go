package route

// Table returns the routes that the proxy is told of, by site.
func (p *Publisher) Table() []Route {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sorted()
}

// Same reports whether two routes say the same.
func Same(a, b Route) bool {
	a, b = a.canonical(), b.canonical()
	if a.Site != b.Site || a.Upstream != b.Upstream || a.State != b.State || len(a.Domains) != len(b.Domains) {
		return false
	}
	for i, d := range a.Domains {
		if b.Domains[i] != d {
			return false
		}
	}
	return true
}

// Alive returns once it has had the locks that the methods share, those of every connected proxy too: never, where a holder
// hangs.
func (p *Publisher) Alive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sessions {
		s.mu.Lock()
		s.mu.Unlock() //nolint:staticcheck // to have had it is all
	}
}
