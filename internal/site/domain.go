package site

import (
	"cmp"
	"fmt"
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

// canonical returns a spec whose domains are in the form in which they are recorded, each once and without NAME.<base_domain>,
// which the site has anyway, and whose keys are each there once.
func (s *Store) canonical(spec Spec) (Spec, error) {
	asked := spec.Domains
	spec.Domains = nil
	for _, text := range asked {
		d, err := CanonicalDomain(text)
		if err != nil {
			return Spec{}, err
		}
		if d != s.ownDomain(spec.Name) && !slices.Contains(spec.Domains, d) {
			spec.Domains = append(spec.Domains, d)
		}
	}
	lines := spec.SSHKeys
	spec.SSHKeys = nil
	spec, _, err := spec.AddKeys(lines)
	return spec, err
}

// checkDomains refuses a domain of a new record that another site has; s.mu is held.
func (s *Store) checkDomains(rec Record) error {
	for _, d := range s.claims(rec) {
		if err := s.checkFree(d, rec.Name()); err != nil {
			return err
		}
	}
	return nil
}

// checkFree tells which site has a domain, of others than the named one: ErrConflict. A record that is kept aside counts, as
// far as it can be read. s.mu is held.
func (s *Store) checkFree(domain, name string) error {
	owner := ""
	for other, rec := range s.records {
		if other != name && slices.Contains(s.claims(rec), domain) {
			owner = other
		}
	}
	for _, b := range s.broken {
		if b.Name != name && (domain == s.ownDomain(b.Name) || slices.Contains(b.Domains, domain)) {
			owner = b.Name
		}
	}
	switch {
	case owner == "":
		return nil
	case domain == s.ownDomain(owner):
		return fmt.Errorf("%w: domain %s belongs to site %s by its name: choose another", ErrConflict, domain, owner)
	case domain == s.ownDomain(name):
		return fmt.Errorf("%w: domain %s belongs to site %s: remove it there first, with logis domain remove %[3]s %[2]s, or choose another name",
			ErrConflict, domain, owner)
	}
	return fmt.Errorf("%w: domain %s belongs to site %s: choose another, or remove it there first, with logis domain remove %[3]s %[2]s",
		ErrConflict, domain, owner)
}

// AddDomain writes a further domain into a site's record; changed is false where the site has it already. domain is canonical.
// ErrConflict says which site has it, ErrInvalid that there are too many.
func (s *Store) AddDomain(name, domain string) (rec Record, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.records[name]
	if !ok {
		return Record{}, false, ErrNotFound
	}
	if slices.Contains(s.claims(rec), domain) {
		return rec, false, nil
	}
	if err := s.checkFree(domain, name); err != nil {
		return Record{}, false, err
	}
	if len(rec.Spec.Domains) >= maxNames {
		return Record{}, false, fmt.Errorf("%w: a site has at most %d domains", ErrInvalid, maxNames)
	}
	rec.Spec.Domains = append(slices.Clone(rec.Spec.Domains), domain)
	return rec, true, s.replace(rec)
}

// RemoveDomain takes a domain out of a site's record. ErrConflict says that it is the site's own by its name, ErrAbsent that it has
// none such.
func (s *Store) RemoveDomain(name, domain string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.records[name]
	switch {
	case !ok:
		return Record{}, ErrNotFound
	case domain == s.ownDomain(name):
		return Record{}, fmt.Errorf("%w: domain %s belongs to the site by its name, and goes only with the site", ErrConflict, domain)
	case !slices.Contains(rec.Spec.Domains, domain):
		return Record{}, fmt.Errorf("%w: the site has no domain %s: see logis show %s", ErrAbsent, domain, name)
	}
	rec.Spec.Domains = slices.DeleteFunc(slices.Clone(rec.Spec.Domains), func(d string) bool { return d == domain })
	return rec, s.replace(rec)
}

// replace writes a record in place of the one of its name; s.mu is held.
func (s *Store) replace(rec Record) error {
	if err := s.write(rec); err != nil {
		return err
	}
	s.records[rec.Name()] = rec
	return nil
}

func (s *Store) ownDomain(name string) string { return name + "." + s.baseDomain }
