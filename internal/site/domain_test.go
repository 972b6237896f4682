package site

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A change of base_domain that makes domains clash costs the later site that domain and nothing else; changed back, or with
// the earlier site gone, it has the domain again.
func TestDomainClash(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i, sp := range []Spec{
		spec("carol", "alice.new", "carol.new"), spec("alice", "alice.example"), spec("bob"), spec("dave", "bob.new"),
	} {
		rec := reserve(t, s, sp)
		if _, err := s.Update(rec.Name(), func(r *Record) { r.CreatedAt = r.CreatedAt.Add(time.Duration(i) * time.Second) }); err != nil {
			t.Fatal(err)
		}
	}
	before := files(t, dir)
	domains := func(s *Store) map[string][]string {
		all := map[string][]string{}
		for _, rec := range s.All() {
			all[rec.Name()] = s.Domains(rec)
		}
		return all
	}
	settled := func(base string) *Store {
		t.Helper()
		s, err := Open(dir, base, testRanges())
		if err != nil {
			t.Fatal(err)
		}
		s.Settle(nil, nil)
		if broken := s.Broken(); len(broken) != 0 {
			t.Errorf("broken with %s: %v", base, broken)
		}
		if diff := cmp.Diff(before, files(t, dir)); diff != "" {
			t.Errorf("records with %s (-before +after):\n%s", base, diff)
		}
		return s
	}
	as := domains(settled("localhost"))
	want := map[string][]string{
		"alice": {"alice.localhost", "alice.example"}, "bob": {"bob.localhost"},
		"carol": {"carol.localhost", "alice.new", "carol.new"}, "dave": {"dave.localhost", "bob.new"},
	}
	if diff := cmp.Diff(want, as); diff != "" {
		t.Errorf("domains (-want +got):\n%s", diff)
	}

	s = settled("new")
	want = map[string][]string{
		"alice": {"alice.example"}, "bob": {"bob.new"}, "carol": {"carol.new", "alice.new"}, "dave": {"dave.new"},
	}
	if diff := cmp.Diff(want, domains(s)); diff != "" {
		t.Errorf("domains while they clash (-want +got):\n%s", diff)
	}
	clashes := []Clash{{"alice.new", "carol", "alice"}, {"bob.new", "bob", "dave"}}
	if diff := cmp.Diff(clashes, s.Clashes()); diff != "" {
		t.Errorf("clashes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(as, domains(settled("localhost"))); diff != "" {
		t.Errorf("domains with base_domain changed back (-want +got):\n%s", diff)
	}

	if err := s.Release("carol"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"alice.new", "alice.example"}, domains(s)["alice"]); diff != "" {
		t.Errorf("domains without the owner (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(clashes[1:], s.Clashes()); diff != "" {
		t.Errorf("clashes without the owner (-want +got):\n%s", diff)
	}
}
