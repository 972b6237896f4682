package site

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// A disk without a record keeps its name and its index.
func TestDiskWithoutRecord(t *testing.T) {
	s := open(t, t.TempDir())
	s.Settle([]string{"alice", "lost"}, func(name string) (int, bool) { return 0, name == "alice" })
	for _, name := range []string{"alice", "lost"} {
		if _, err := s.Reserve(spec(name), "0123456789ab", Running); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: got %v, want ErrConflict", name, err)
		}
	}
	for range 20 {
		if rec := reserve(t, s, spec("bob")); rec.Index == 0 {
			t.Fatal("the index of a disk was given to another site")
		}
		if err := s.Release("bob"); err != nil {
			t.Fatal(err)
		}
	}
}

// The name of a site can be used again at once when it was destroyed.
func TestSettleAndRelease(t *testing.T) {
	dir := t.TempDir()
	reserve(t, open(t, dir), spec("alice"))
	s := open(t, dir)
	s.Settle([]string{"alice"}, func(string) (int, bool) { return 0, true })
	if err := s.Release("alice"); err != nil {
		t.Fatal(err)
	}
	reserve(t, s, spec("alice"))
}

// Of two records that claim one thing, one whose disk bears it out stays, and else the older one; the other is kept aside.
func TestContradictingRecords(t *testing.T) {
	for name, c := range map[string]struct {
		change func(bob *Record, alice Record)
		disks  map[string]int
		aside  string
	}{
		"nothing":            {func(*Record, Record) {}, map[string]int{"alice": 0, "bob": 1}, ""},
		"no disks":           {func(*Record, Record) {}, nil, ""},
		"index, older stays": {func(b *Record, a Record) { b.Index, b.IDBase = a.Index, a.IDBase }, nil, "bob"},
		"index, disk stays":  {func(b *Record, a Record) { b.Index, b.IDBase = a.Index, a.IDBase }, map[string]int{"bob": 0}, "alice"},
		"port":               {func(b *Record, a Record) { b.SSHPort = a.SSHPort }, map[string]int{"alice": 0, "bob": 1}, "bob"},
		"domain":             {func(b *Record, _ Record) { b.Spec.Domains = []string{"alice.example"} }, nil, "bob"},
		"other disk":         {func(*Record, Record) {}, map[string]int{"alice": 0, "bob": 7}, "bob"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			alice := reserve(t, s, spec("alice", "alice.example"))
			reserve(t, s, spec("bob"))
			if _, err := s.Update("bob", func(r *Record) {
				r.CreatedAt = alice.CreatedAt.Add(1)
				c.change(r, alice)
			}); err != nil {
				t.Fatal(err)
			}
			s = open(t, dir)
			var names []string
			for name := range c.disks {
				names = append(names, name)
			}
			s.Settle(names, func(name string) (int, bool) { return c.disks[name], true })
			aside := ""
			for _, b := range s.Broken() {
				aside += b.Name
				if _, err := os.Stat(b.Path); err != nil {
					t.Error(err)
				}
				t.Log(b.Reason)
			}
			if aside != c.aside {
				t.Errorf("aside: %q, want %q", aside, c.aside)
			}
			if index, ok := c.disks["bob"]; ok && c.aside == "bob" {
				for range 20 {
					if rec := reserve(t, s, spec("carol")); rec.Index == index {
						t.Fatal("carol has the index of bob's disk")
					}
					if err := s.Release("carol"); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

func TestFits(t *testing.T) {
	dir := t.TempDir()
	rec := reserve(t, open(t, dir), spec("alice"))
	for subnet, fits := range map[string]bool{
		"10.83.0.0/28": true, "10.83.0.0/16": true, // the gateway is the same
		"10.84.0.0/16": false, "10.0.0.0/8": false, "10.83.0.0/30": true,
	} {
		r := testRanges()
		r.Subnet4 = netip.MustParsePrefix(subnet)
		s, err := Open(dir, "localhost", r)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Fits(rec); (err == nil) != fits || err != nil && !strings.Contains(err.Error(), subnet) {
			t.Errorf("%s: %v", subnet, err)
		}
		rec2 := rec
		rec2.Index, rec2.Address4, rec2.Address6 = 3, rec.Address4.Next().Next().Next(), rec.Address6.Next().Next().Next()
		if err := s.Fits(rec2); subnet == "10.83.0.0/30" && err == nil {
			t.Error("an address beyond the subnet fits")
		}
	}
}
