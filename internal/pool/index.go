package pool

// SiteIndex returns the index that CreateSite was given for a site, which its quota group tells; false where nothing of
// the site's disk that is left says it.
func (p *Pool) SiteIndex(name string) (index int, known bool) {
	if checkName(name) != nil {
		return 0, false
	}
	for _, path := range p.paths(name).subvolumes() {
		id, err := subvolumeID(path)
		if err != nil {
			continue
		}
		if group, err := p.groupOf(id); err == nil && group != p.shelf() {
			return int((group.Number() - p.base - 1) % generation), true
		}
	}
	return 0, false
}
