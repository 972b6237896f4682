package engine

import (
	"cmp"
	"slices"

	"github.com/logis-project/logis/internal/site"
)

// linksOf returns whom a site may reach by the configuration's network.links, by name.
func (e *Engine) linksOf(name string) []site.Link {
	var names []string
	for _, group := range e.config.Network.Links {
		if slices.Contains(group, name) {
			names = append(names, group...)
		}
	}
	slices.SortFunc(names, cmp.Compare)
	var links []site.Link
	for _, other := range slices.Compact(names) {
		if other == name {
			continue
		}
		link := site.Link{Name: other}
		if rec, err := e.store.Get(other); err == nil {
			link.Address4, link.Address6 = rec.Address4, rec.Address6
		}
		links = append(links, link)
	}
	return links
}
