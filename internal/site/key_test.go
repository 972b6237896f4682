package site

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/logis-project/logis/internal/sshkey"
)

const (
	key   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFUR4S1IXD+MztLi6cSaRlBvAkyzLFMuUsoBYRRQEnwT someone"
	other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFYLsqKG/A6VXDug8/PVqys9NT40tOq+DoP7iNEE43Xk me@home"
)

// manyKeys are whole keys that nobody has the private half of.
func manyKeys(n int) []string {
	var lines []string
	blob := "AAAAC3NzaC1lZDI1NTE5AAAAI" // type, and the length of what follows
	for i := range n {
		lines = append(lines, fmt.Sprintf("ssh-ed25519 %sB%042d k%d", blob, i, i))
	}
	return lines
}

func public(lines ...string) []string {
	var out []string
	for _, l := range lines {
		k, _ := sshkey.Parse(l)
		out = append(out, k.Public)
	}
	return out
}

func TestKeys(t *testing.T) {
	var spec Spec
	change := func(want KeyChange, do func(Spec) (Spec, KeyChange, error)) {
		t.Helper()
		before := spec
		before.SSHKeys, before.RevokedKeys = slices.Clone(spec.SSHKeys), slices.Clone(spec.RevokedKeys)
		after, got, err := do(spec)
		short := cmp.Transformer("line", func(k sshkey.Key) string { return k.Line })
		if diff := cmp.Diff(want, got, short); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(before, spec); diff != "" {
			t.Errorf("the spec that it began with has changed:\n%s", diff)
		}
		spec = after
	}
	add := func(lines ...string) func(Spec) (Spec, KeyChange, error) {
		return func(s Spec) (Spec, KeyChange, error) { return s.AddKeys(lines) }
	}
	remove := func(which ...string) func(Spec) (Spec, KeyChange, error) {
		return func(s Spec) (Spec, KeyChange, error) { return s.RemoveKeys(which) }
	}
	of := func(lines ...string) []sshkey.Key { return Spec{SSHKeys: lines}.Keys() }
	limited := `from="192.0.2.7" ` + key

	change(KeyChange{Added: of(key, other), Left: of(key, other)}, add(key, other, key))
	change(KeyChange{Present: of(key), Left: of(key, other)}, add(key))
	change(KeyChange{Changed: of(limited), Left: of(limited, other)}, add(limited))
	if diff := cmp.Diff([]string{limited, other}, spec.SSHKeys); diff != "" {
		t.Error(diff)
	}
	change(KeyChange{Removed: of(limited), Left: of(other)}, remove("someone"))
	change(KeyChange{Removed: of(other), Left: of()}, remove(of(other)[0].Fingerprint, "me@home"))
	if diff := cmp.Diff(public(key, other), spec.RevokedKeys); diff != "" || len(spec.SSHKeys) != 0 {
		t.Errorf("keys %v, revoked:\n%s", spec.SSHKeys, diff)
	}
	change(KeyChange{Added: of(other), Left: of(other)}, add(other))
	if diff := cmp.Diff(public(key), spec.RevokedKeys); diff != "" {
		t.Errorf("revoked after a key came back:\n%s", diff)
	}
}

func TestKeysRefused(t *testing.T) {
	twin := strings.Replace(other, "me@home", "someone", 1)
	spec, _, err := Spec{Name: "alice"}.AddKeys([]string{key, twin})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		lines    []string
		sentinel error
		why      string
	}{
		{[]string{manyKeys(1)[0], "rubbish"}, ErrInvalid, `invalid: key "rubbish": not a public ssh key`},
		{[]string{manyKeys(1)[0], "restrict " + manyKeys(1)[0]}, ErrInvalid, "is given twice, with other options"},
		{manyKeys(maxKeys - 1), ErrInvalid, "a site has at most 64 keys, this would be 65"},
	} {
		if _, _, err := spec.AddKeys(tc.lines); !errors.Is(err, tc.sentinel) || !strings.Contains(err.Error(), tc.why) {
			t.Errorf("AddKeys of %d: %v, want %q", len(tc.lines), err, tc.why)
		}
	}
	for name, why := range map[string]string{
		"nobody": "the site has no key with the fingerprint or comment \"nobody\": see logis key list alice", "": "has no key",
		"SHA256:x": "has no key", "someone": `2 keys have the comment "someone": name one by its fingerprint: SHA256:`,
	} {
		_, _, err := spec.RemoveKeys([]string{name})
		if sentinel := map[bool]error{true: ErrInvalid, false: ErrAbsent}[name == "someone"]; !errors.Is(err, sentinel) || !strings.Contains(err.Error(), why) {
			t.Errorf("RemoveKeys(%q) = %v, want %q", name, err, why)
		}
	}
}

// A record holds the last keys that were removed, and stays small enough to be read.
func TestRevokedBounded(t *testing.T) {
	var sp Spec
	for _, line := range manyKeys(maxRevoked + 5) {
		var err error
		if sp, _, err = sp.AddKeys([]string{line}); err != nil {
			t.Fatal(err)
		}
		if sp, _, err = sp.RemoveKeys([]string{sp.Keys()[0].Fingerprint}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(public(manyKeys(maxRevoked + 5)[5:]...), sp.RevokedKeys); diff != "" {
		t.Errorf("revoked (-want +got):\n%s", diff)
	}
	s := open(t, t.TempDir())
	reserve(t, s, spec("alice"))
	before, _ := s.Get("alice")
	if _, err := s.Update("alice", func(r *Record) { r.Spec.SSHKeys = []string{strings.Repeat("k", maxRecord)} }); !errors.Is(err, ErrInvalid) {
		t.Errorf("a record that could not be read: %v", err)
	}
	if after, err := s.Get("alice"); err != nil || !cmp.Equal(before, after, cmpopts.EquateComparable(netip.Addr{})) {
		t.Errorf("it has changed: %v", err)
	}
}

// A line that this release does not take for a key is kept, shown as it is, and removed by what it says; a key that it would not take
// any more is removed like any other, also where it is there twice.
func TestOddKeys(t *testing.T) {
	data, err := os.ReadFile("../sshkey/testdata/rsa1024.pub")
	if err != nil {
		t.Fatal(err)
	}
	short := strings.TrimSpace(string(data))
	old := Spec{SSHKeys: []string{"ssh-odd AAAA", short, short, "ssh-odd BBBB"}}
	spec, _, err := old.AddKeys([]string{key})
	if diff := cmp.Diff(append(old.SSHKeys, key), spec.SSHKeys); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	spec, change, err := spec.RemoveKeys([]string{"ssh-odd AAAA", old.Keys()[1].Fingerprint})
	if diff := cmp.Diff([]string{"ssh-odd BBBB", key}, spec.SSHKeys); diff != "" || err != nil || len(change.Removed) != 2 {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff(public(short), spec.RevokedKeys); diff != "" { // sshd could not read the other
		t.Error(diff)
	}
}
