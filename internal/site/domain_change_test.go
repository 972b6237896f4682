package site

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangeDomains(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	reserve(t, s, spec("alice", "A.Example.", "a.example", "alice.localhost"))
	reserve(t, s, spec("bob", "b.example"))
	before := files(t, dir)

	for domain, why := range map[string]string{
		"b.example":     "domain b.example belongs to site bob: choose another, or remove it there first, with logis domain remove bob b.example",
		"bob.localhost": "domain bob.localhost belongs to site bob by its name: choose another",
	} {
		if _, _, err := s.AddDomain("alice", domain); !errors.Is(err, ErrConflict) || !strings.HasSuffix(err.Error(), why) {
			t.Errorf("AddDomain(%s) = %v", domain, err)
		}
	}
	for _, domain := range []string{"a.example", "alice.localhost"} {
		if _, changed, err := s.AddDomain("alice", domain); changed || err != nil {
			t.Errorf("AddDomain(%s) of what it has: changed %v, %v", domain, changed, err)
		}
	}
	if _, err := s.RemoveDomain("alice", "alice.localhost"); !errors.Is(err, ErrConflict) {
		t.Errorf("RemoveDomain of its own: %v", err)
	}
	if _, err := s.RemoveDomain("alice", "b.example"); !errors.Is(err, ErrAbsent) {
		t.Errorf("RemoveDomain of another's: %v", err)
	}
	if _, _, err := s.AddDomain("nobody", "n.example"); !errors.Is(err, ErrNotFound) {
		t.Errorf("AddDomain to nobody: %v", err)
	}
	if diff := cmp.Diff(before, files(t, dir)); diff != "" {
		t.Errorf("refusals changed records (-before +after):\n%s", diff)
	}

	if _, changed, err := s.AddDomain("alice", "c.example"); !changed || err != nil {
		t.Errorf("AddDomain: changed %v, %v", changed, err)
	}
	if _, err := s.RemoveDomain("alice", "a.example"); err != nil {
		t.Error(err)
	}
	rec, err := open(t, dir).Get("alice") // from the disk
	if diff := cmp.Diff([]string{"c.example"}, rec.Spec.Domains); diff != "" || err != nil {
		t.Errorf("recorded: %v (-want +got):\n%s", err, diff)
	}
	for i := range maxNames - 1 {
		if _, _, err := s.AddDomain("alice", fmt.Sprintf("d%d.example", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.AddDomain("alice", "more.example"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a domain too many: %v", err)
	}
}

// Of several who want one domain at the same time, one gets it.
func TestAddDomainRace(t *testing.T) {
	s := open(t, t.TempDir())
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 8 {
		name := fmt.Sprintf("s%d", i)
		reserve(t, s, spec(name))
		all.Go(func() {
			_, _, err := s.AddDomain(name, "shop.example")
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ErrConflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d sites got it", won.Load())
	}
}
