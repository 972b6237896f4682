package site

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func testRanges() Ranges {
	return Ranges{
		Subnet4: netip.MustParsePrefix("10.83.0.0/28"), Subnet6: netip.MustParsePrefix("fd83::/64"), FirstID: 1_000_000_000,
		FirstPort: 22001, LastPort: 22010, PortFree: func(p uint16) bool { return p != 22002 },
	}
}

func spec(name string, domains ...string) Spec {
	return Spec{
		Name: name, Image: "lemp", Domains: domains,
		Limits: Limits{Memory: 512 << 20, Disk: 1 << 30, CPUs: 1, PIDs: 100}.complete(),
	}
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, "localhost", testRanges())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reserve(t testing.TB, s *Store, sp Spec) Record {
	t.Helper()
	rec, err := s.Reserve(sp, "0123456789ab", Running)
	if err != nil {
		t.Fatalf("reserve %s: %v", sp.Name, err)
	}
	return rec
}

func TestReserve(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	alice, bob := reserve(t, s, spec("alice", "alice.example")), reserve(t, s, spec("bob"))
	want := Record{
		Format: RecordFormat, Spec: spec("alice", "alice.example"), Phase: Creating, Desired: Running, ImageDigest: "0123456789ab",
		Address4: netip.MustParseAddr("10.83.0.2"), Address6: netip.MustParseAddr("fd83::2"), SSHPort: 22001, IDBase: 1_000_000_000,
	}
	same := cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(Record{}, "CreatedAt")}
	if diff := cmp.Diff(want, alice, same); diff != "" {
		t.Errorf("alice (-want +got):\n%s", diff)
	}
	if bob.SSHPort != 22003 || bob.IDBase != alice.IDBase+65536 || bob.Address4 != netip.MustParseAddr("10.83.0.3") {
		t.Errorf("bob got port %d, ids %d, address %s", bob.SSHPort, bob.IDBase, bob.Address4)
	}
	if diff := cmp.Diff([]Record{alice, bob}, open(t, dir).All(), same); diff != "" {
		t.Errorf("read again (-written +read):\n%s", diff)
	}
}

func TestReserveConflicts(t *testing.T) {
	s := open(t, t.TempDir())
	reserve(t, s, spec("alice", "a.example", "bob.localhost"))
	for name, sp := range map[string]Spec{
		"name": spec("alice"), "domain": spec("carol", "a.example"), "own domain": spec("bob"),
		"base domain": spec("dave", "alice.localhost"), "otherwise written": spec("erin", "A.Example."),
	} {
		if _, err := s.Reserve(sp, "0123456789ab", Running); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: got %v, want ErrConflict", name, err)
		}
	}
	if n := len(s.All()); n != 1 {
		t.Errorf("%d records after refusals, want 1", n)
	}
}

func TestReleaseGivesBack(t *testing.T) {
	s := open(t, t.TempDir())
	first := reserve(t, s, spec("alice"))
	for range 2 {
		if err := s.Release("alice"); err != nil {
			t.Fatal(err)
		}
	}
	second := reserve(t, s, spec("bob"))
	if second.Index == first.Index || second.SSHPort == first.SSHPort {
		t.Errorf("bob got index %d and port %d, which were alice's a moment ago", second.Index, second.SSHPort)
	}
	// Going round, what was released is given again.
	seen := false
	for range 20 {
		if err := s.Release("bob"); err != nil {
			t.Fatal(err)
		}
		seen = seen || reserve(t, s, spec("bob")).Index == first.Index
	}
	if !seen {
		t.Error("an index that was released is lost")
	}
}

// A record whose deletion may not last is still there, so that destroy says so and can be run again.
func TestReleaseNotSynced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sites")
	s := open(t, dir)
	reserve(t, s, spec("alice"))
	if err := os.Rename(dir, dir+".away"); err != nil { // unlink is as if it were done, the sync fails
		t.Fatal(err)
	}
	if err := s.Release("alice"); err == nil {
		t.Error("released without a sync")
	}
	if _, err := s.Get("alice"); err != nil {
		t.Errorf("after a release that failed: %v", err)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Release("alice"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Get("alice"); !errors.Is(err, ErrNotFound) {
		t.Errorf("after a release: %v", err)
	}
}

func TestExhausted(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range 9 {
		reserve(t, s, spec("s"+string(rune('a'+i))))
	}
	if _, err := s.Reserve(spec("last"), "0123456789ab", Running); !errors.Is(err, ErrExhausted) || !strings.Contains(err.Error(), "ssh.ports") &&
		!strings.Contains(err.Error(), "network.subnet4") {
		t.Errorf("got %v, want ErrExhausted and the key of logis.toml that bounds it", err)
	}
}

// Whatever the order of reservations and releases, no two sites share an index, an address, a port or an id.
func TestAllocationIsDisjoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s, err := Open(dir, "localhost", testRanges())
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"aa", "bb", "cc", "dd", "ee"}).Draw(t, "name")
			if rapid.Bool().Draw(t, "reserve") {
				_, err := s.Reserve(spec(name), "0123456789ab", Running)
				if err != nil && !errors.Is(err, ErrConflict) {
					t.Fatal(err)
				}
			} else if err := s.Release(name); err != nil {
				t.Fatal(err)
			}
			seen := map[any]string{}
			for _, r := range s.All() {
				for _, v := range []any{r.Index, r.Address4, r.Address6, r.SSHPort, r.IDBase} {
					if other, taken := seen[v]; taken {
						t.Fatalf("%s and %s share %v", r.Name(), other, v)
					}
					seen[v] = r.Name()
				}
			}
		}
	})
}

// A name that nobody has may be one that was mistyped.
func TestMissingSuggests(t *testing.T) {
	s := open(t, t.TempDir())
	reserve(t, s, spec("alice"))
	for name, want := range map[string]string{
		"alcie": "no such site (did you mean alice?): see logis list", "nobody": "no such site: see logis list",
	} {
		_, err := s.Get(name)
		_, updateErr := s.Update(name, func(*Record) {})
		for _, err := range []error{err, updateErr} {
			if !errors.Is(err, ErrNotFound) || err.Error() != want {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
	if _, err := s.Reserve(spec("alice"), "0123456789ab", Running); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "logis show alice") {
		t.Errorf("a name that is taken: %v", err)
	}
}
