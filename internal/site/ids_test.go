package site

import (
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
