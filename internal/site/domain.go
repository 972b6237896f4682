package site

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Clash is a domain that two sites have, since base_domain was changed: Reserve refuses one that another site has.
type Clash struct {
	Domain string
	Owner  string // the site that was made first, to which the domain leads
	Loser  string // the site that does without it until the configuration is changed back, or its owner is gone
}

// Domains returns the domains that lead to a site, NAME.<base_domain> first: all of its record, but none that a site which was
// made earlier has too.
func (s *Store) Domains(rec Record) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var domains []string
	for _, d := range s.claims(rec) {
		if !slices.Contains(domains, d) && (!s.contested[d] || s.ownerOf(d) == rec.Name()) {
			domains = append(domains, d)
		}
	}
	return domains
}

// Clashes returns the domains that sites do without, by domain and loser.
func (s *Store) Clashes() []Clash {
	s.mu.Lock()
	defer s.mu.Unlock()
	var clashes []Clash
	for _, d := range slices.Sorted(maps.Keys(s.contested)) {
		owner := s.ownerOf(d)
		for name, rec := range s.records {
			if name != owner && slices.Contains(s.claims(rec), d) {
				clashes = append(clashes, Clash{Domain: d, Owner: owner, Loser: name})
			}
		}
	}
	slices.SortStableFunc(clashes, func(a, b Clash) int {
		return cmp.Or(strings.Compare(a.Domain, b.Domain), strings.Compare(a.Loser, b.Loser))
	})
	return clashes
}

// claims is what a record says that its domains are, NAME.<base_domain> first.
func (s *Store) claims(rec Record) []string {
	return append([]string{s.ownDomain(rec.Name())}, rec.Spec.Domains...)
}

// contest finds the domains that several records claim; s.mu is held.
func (s *Store) contest() {
	s.contested = map[string]bool{}
	owners := map[string]string{}
	for name, rec := range s.records {
		for _, d := range s.claims(rec) {
			if owner, claimed := owners[d]; claimed && owner != name {
				s.contested[d] = true
			}
			owners[d] = name
		}
	}
}

// ownerOf returns the site, of those that claim a domain, that was made first; "" is none. s.mu is held.
func (s *Store) ownerOf(domain string) string {
	var first *Record
	for _, rec := range s.records {
		if slices.Contains(s.claims(rec), domain) && (first == nil || earlier(rec, *first) < 0) {
			first = &rec
		}
	}
	if first == nil {
		return ""
	}
	return first.Name()
}

// earlier orders records by when their sites were made.
func earlier(a, b Record) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.Name(), b.Name()))
}
