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
