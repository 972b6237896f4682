package site

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
)

// Settle compares the records with the disks that are there, once, before anything is made of them. indexOf tells for which
// index a disk was made, where that can be known. A record that contradicts its disk, or has the index or port of
// another, is kept aside; one that has a domain of another only does without it: see Clash. What belongs to a disk without a record is given to nobody.
func (s *Store) Settle(disks []string, indexOf func(name string) (index int, known bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disks = map[string]int{}
	for _, name := range disks {
		s.disks[name] = -1
		if index, known := indexOf(name); known {
			s.disks[name] = index
		}
	}
	candidates := slices.Collect(maps.Values(s.records))
	// Who has a disk for its index is right about it. Of two others, the older one is.
	slices.SortFunc(candidates, func(a, b Record) int {
		return cmp.Or(cmp.Compare(s.disagrees(a), s.disagrees(b)), earlier(a, b))
	})
	clear(s.records)
	owners := map[any]string{}
	for _, rec := range candidates {
		if err := s.settle(rec, owners); err != nil {
			data, _ := os.ReadFile(s.path(rec.Name()))
			s.putAside(rec.Name(), s.path(rec.Name()), data, err)
			continue
		}
		s.records[rec.Name()] = rec
	}
	for name := range s.records {
		delete(s.disks, name) // goes when the site goes
	}
	s.contest()
	s.next = s.ranges.after(slices.Collect(maps.Values(s.records)))
}

// disagrees orders records by how far their disk bears them out: 0 it does, 1 it cannot tell, 2 it contradicts.
func (s *Store) disagrees(rec Record) int {
	switch index, there := s.disks[rec.Name()]; {
	case there && index == rec.Index:
		return 0
	case !there || index < 0:
		return 1
	}
	return 2
}

// settle notes what a record has in owners, or tells why it cannot be right.
func (s *Store) settle(rec Record, owners map[any]string) error {
	if s.disagrees(rec) == 2 {
		return fmt.Errorf("it is not the record of this disk: the disk was made for index %d, the record says %d",
			s.disks[rec.Name()], rec.Index)
	}
	type thing struct {
		what  string
		value any
	}
	has := []thing{{"index", rec.Index}, {"ssh_port", rec.SSHPort}}
	for _, t := range has {
		if owner, taken := owners[t.value]; taken {
			return fmt.Errorf("%s %v belongs to site %s", t.what, t.value, owner)
		}
	}
	for _, t := range has {
		owners[t.value] = rec.Name()
	}
	return nil
}

// Fits tells why a site cannot be on the network that is configured now: its addresses were given out of another one.
func (s *Store) Fits(rec Record) error {
	r := s.ranges
	if rec.Index >= r.hosts() || rec.Address4 != nth(r.Subnet4, rec.Index+2) || rec.Address6 != nth(r.Subnet6, rec.Index+2) {
		return fmt.Errorf("its addresses %s and %s were not given out of network.subnet4 %s and subnet6 %s: set these back to what they "+
			"were, and restart logisd", rec.Address4, rec.Address6, r.Subnet4, r.Subnet6)
	}
	return nil
}

// Names lists the sites of which there is a record, whole or kept aside.
func (s *Store) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Collect(maps.Keys(s.records))
	for _, b := range s.broken {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkName tells why a name cannot be given to a new site; s.mu is held.
func (s *Store) checkName(name string) error {
	if _, taken := s.records[name]; taken {
		return fmt.Errorf("%w: a site of that name exists: choose another name, or see logis show %s", ErrConflict, name)
	}
	if b, broken := s.brokenOf(name); broken {
		return b.conflict()
	}
	if _, disk := s.disks[name]; disk {
		return fmt.Errorf("%w: the pool holds the disk of a site of that name, whose record %s is gone: put the record back, "+
			"or delete the disk, and restart logisd; or choose another name", ErrConflict, s.path(name))
	}
	return nil
}

// held is what cannot be given to a new site; s.mu is held.
func (s *Store) held() (indexes map[int]bool, ports map[uint16]bool) {
	indexes, ports = map[int]bool{}, map[uint16]bool{}
	for _, rec := range s.records {
		indexes[rec.Index], ports[rec.SSHPort] = true, true
	}
	for _, b := range s.broken {
		indexes[b.Index], ports[b.SSHPort] = true, true
	}
	for _, index := range s.disks {
		indexes[index] = true
	}
	return indexes, ports
}
