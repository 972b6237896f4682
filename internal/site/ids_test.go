package site

import (
	"errors"
	"strings"
	"testing"
)

// What lies on a site's disk is stored with its ids: with others the site would not own its own files.
func TestFirstIDStays(t *testing.T) {
	dir, _, _ := twoSites(t)
	ranges := testRanges()
	ranges.FirstID = 500_000_000
	_, err := Open(dir, "localhost", ranges)
	if err == nil || !strings.Contains(err.Error(), "first_id is 500000000") || !strings.Contains(err.Error(), "count from 1000000000") {
		t.Errorf("other ids: %v", err)
	}
	if len(open(t, dir).All()) != 2 {
		t.Error("a record was not left alone")
	}
}

func TestIDsEndBeforeTheIDThatIsNone(t *testing.T) {
	ranges := testRanges() // 13 sites
	if first, last := ranges.IDs(); first != 1_000_000_000 || last != first+13*65536-1 {
		t.Errorf("13 sites have ids from %d to %d", first, last)
	}
	ranges.FirstID = 1<<32 - 1 - 3*65536
	if _, last := ranges.IDs(); ranges.hosts() != 3 || last != 1<<32-2 {
		t.Errorf("%d sites, the last id is %d", ranges.hosts(), last)
	}
}

// Ids that an account of the host has are given to no site.
func TestIDsOfAccountsAreSkipped(t *testing.T) {
	dir := t.TempDir()
	ranges := testRanges() // 13 sites
	account := uint32(1_000_000_000 + idsEach - 1)
	last := account + 1 // the first id of the second index
	ranges.FreeIDs = func() (func(first, last uint32) bool, error) {
		return func(f, l uint32) bool { return l < account || f > last }, nil
	}
	if has, err := Recorded(dir); has || err != nil {
		t.Errorf("no record: %t, %v", has, err)
	}
	s, err := Open(dir, "localhost", ranges)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := s.Reserve(spec("alice"), "sha256:1", Running)
	if err != nil || rec.Index != 2 {
		t.Errorf("index %d, %v; 0 and 1 have ids of an account", rec.Index, err)
	}
	if has, err := Recorded(dir); !has || err != nil {
		t.Errorf("a record: %t, %v", has, err)
	}
	if first, each := s.SiteIDs(); len(first) != 1 || first[0] != rec.IDBase || each != idsEach {
		t.Errorf("ids of sites: %d, %d each", first, each)
	}
	last = 1<<32 - 1
	if _, err := s.Reserve(spec("bob"), "sha256:1", Running); !errors.Is(err, ErrExhausted) || !strings.Contains(err.Error(), "host's accounts") {
		t.Errorf("all ids are an account's: %v", err)
	}
}
