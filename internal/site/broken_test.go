package site

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		content[e.Name()] = string(data)
	}
	return content
}

// twoSites has the records of alice and bob, which are whole, and returns alice's.
func twoSites(t testing.TB) (dir string, alice Record, data []byte) {
	t.Helper()
	dir = t.TempDir()
	s := open(t, dir)
	alice = reserve(t, s, spec("alice", "alice.example"))
	reserve(t, s, spec("bob"))
	data, err := os.ReadFile(s.path("alice"))
	if err != nil {
		t.Fatal(err)
	}
	return dir, alice, data
}

// A record that is cut off anywhere is kept aside as it is; the other site stays, and nothing that the pool or the rest of
// the record tells of the broken one is given away. Moved back whole, it is there again.
func TestTruncatedRecord(t *testing.T) {
	dir, alice, whole := twoSites(t)
	path := filepath.Join(dir, "alice.json")
	for n := range len(whole) - 1 { // without its last byte, the line's end, it is whole
		write(t, path, whole[:n])
		var aside string
		for range 2 { // the second start finds it aside
			s := open(t, dir)
			s.Settle([]string{"alice", "bob"}, func(name string) (int, bool) { return map[string]int{"alice": 0, "bob": 1}[name], true })
			broken := s.Broken()
			if len(broken) != 1 || broken[0].Name != "alice" || broken[0].Reason == "" {
				t.Fatalf("cut off at %d: broken %+v", n, broken)
			}
			if aside != "" && broken[0].Path != aside {
				t.Fatalf("cut off at %d: moved again, to %s", n, broken[0].Path)
			}
			aside = broken[0].Path
			if data, err := os.ReadFile(aside); err != nil || !bytes.Equal(data, whole[:n]) {
				t.Fatalf("cut off at %d: kept %q, %v", n, data, err)
			}
			if all := s.All(); len(all) != 1 || all[0].Name() != "bob" {
				t.Fatalf("cut off at %d: sites %v", n, all)
			}
			for _, name := range []string{"alice", "bob"} {
				if _, err := s.Reserve(spec(name), "0123456789ab", Running); !errors.Is(err, ErrConflict) {
					t.Fatalf("cut off at %d: %s: got %v, want ErrConflict", n, name, err)
				}
			}
			if _, err := s.Get("alice"); !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), aside) {
				t.Fatalf("cut off at %d: get: %v", n, err)
			}
			portKnown := bytes.Contains(whole[:n], []byte("\"ssh_port\": 22001,"))
			if indexes, ports := s.held(); !indexes[alice.Index] || portKnown && !ports[alice.SSHPort] {
				t.Fatalf("cut off at %d: index or port of alice can be given to another", n)
			}
		}
		write(t, aside, whole)
		if err := os.Rename(aside, path); err != nil {
			t.Fatal(err)
		}
		if got, err := open(t, dir).Get("alice"); err != nil || got.Index != alice.Index {
			t.Fatalf("put back: %+v, %v", got, err)
		}
	}
}

func TestBrokenRecords(t *testing.T) {
	_, _, whole := twoSites(t)
	with := func(from, to string) string {
		if !strings.Contains(string(whole), from) {
			t.Fatalf("no %q in %s", from, whole)
		}
		return strings.Replace(string(whole), from, to, 1)
	}
	for name, content := range map[string]string{
		"noise": "\x00\xff", "empty": "", "array": "[1]", "other name": with(`"alice"`, `"carol"`), "old format": with(`"format": 1`, `"format": 0`),
		"ids": with(`"id_base": 1000000000`, `"id_base": 5`), "other ids": with(`"id_base": 1000000000`, `"id_base": 1000000001`), "index": with(`"index": 0`, `"index": -3`), "phase": with(`"creating"`, `"creatinh"`),
		"desired": with(`"running"`, `""`), "address": with(`"address4": "10.83.0.2"`, `"address4": ""`), "domain": with("alice.example", "Alice"),
		"huge": strings.Repeat(" ", maxRecord+1),
	} {
		dir, _, _ := twoSites(t)
		write(t, filepath.Join(dir, "alice.json"), []byte(content))
		s := open(t, dir)
		broken := s.Broken()
		if len(broken) != 1 || strings.Contains(broken[0].Reason, "\n") || len(s.All()) != 1 {
			t.Errorf("%s: broken %+v, whole %v", name, broken, s.All())
			continue
		}
		if files(t, dir)[filepath.Base(broken[0].Path)] != content {
			t.Errorf("%s: not kept as it was", name)
		}
		if _, err := os.Lstat(filepath.Join(dir, "alice.json")); err == nil {
			t.Errorf("%s: still in its place", name)
		}
	}
}

func TestSalvage(t *testing.T) {
	dir, _, whole := twoSites(t)
	write(t, filepath.Join(dir, "alice.json"), whole[:len(whole)-5])
	s := open(t, dir)
	want := []Broken{{Name: "alice", Index: 0, SSHPort: 22001, Domains: []string{"alice.example"}, Image: "lemp", ImageDigest: "0123456789ab"}}
	if diff := cmp.Diff(want, s.Broken(), cmpopts.IgnoreFields(Broken{}, "Path", "Reason")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := s.Reserve(spec("carol", "alice.example"), "0123456789ab", Running); !errors.Is(err, ErrConflict) {
		t.Errorf("domain of a broken site: got %v", err)
	}
	b := s.Broken()[0]
	if !b.MayUse("lemp", "0123456789ab") || b.MayUse("lemp", "ffff") || !(Broken{}).MayUse("any", "ffff") {
		t.Error("the image of a broken site")
	}
}

// A record of a newer release stops the start, and neither it nor a broken one beside it is touched.
func TestNewerRecord(t *testing.T) {
	for _, content := range []string{`{"format":2}`, `{"format": 2, "index": {"a": [1]}}`, "{\n  \"format\": 2,\n  \"spec\": {\"na"} {
		dir, _, whole := twoSites(t)
		write(t, filepath.Join(dir, "alice.json"), whole[:30])
		write(t, filepath.Join(dir, "zoe.json"), []byte(content))
		before := files(t, dir)
		_, err := Open(dir, "localhost", testRanges())
		if err == nil || !strings.Contains(err.Error(), "zoe.json: written by a newer logis (format 2, this one reads 1)") {
			t.Errorf("%q: got %v", content, err)
		}
		if diff := cmp.Diff(before, files(t, dir)); diff != "" {
			t.Errorf("%q: changed (-before +after):\n%s", content, diff)
		}
	}
}

// Records kept aside one after another, and at one moment, keep names of their own.
func TestAsideTwice(t *testing.T) {
	dir := t.TempDir()
	for _, content := range []string{"a", "b", "c"} {
		write(t, filepath.Join(dir, "alice.json"), []byte(content))
		open(t, dir)
	}
	var kept []string
	for _, content := range files(t, dir) {
		kept = append(kept, content)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, kept, cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is no file at all is kept aside too.
func TestRecordIsNoFile(t *testing.T) {
	dir, _, _ := twoSites(t)
	if err := os.MkdirAll(filepath.Join(dir, "carol.json", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(filepath.Join(dir, "dave.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "erin.json")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s := open(t, dir)
		if len(s.All()) != 2 || len(s.Broken()) != 3 {
			t.Fatalf("sites %v, broken %+v", s.All(), s.Broken())
		}
		for _, b := range s.Broken() {
			if _, err := os.Lstat(b.Path); err != nil {
				t.Error(err)
			}
		}
	}
}

// A record that the host cannot read stays where it is, holds its name meanwhile, and is taken by the next start that can.
func TestUnreadableRecord(t *testing.T) {
	dir, alice, whole := twoSites(t)
	path := filepath.Join(dir, "alice.json")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/proc/self/mem", path); err != nil { // a regular file; page 0 is not mapped, which is EIO
		t.Fatal(err)
	}
	for range 2 {
		s := open(t, dir)
		s.Settle([]string{"alice", "bob"}, func(name string) (int, bool) { return map[string]int{"alice": 0, "bob": 1}[name], true })
		broken := s.Broken()
		if len(broken) != 1 || broken[0].Name != "alice" || broken[0].Path != path || !strings.Contains(broken[0].Reason, unix.EIO.Error()) {
			t.Fatalf("broken %+v", broken)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Fatal(err)
		}
		if indexes, _ := s.held(); !indexes[alice.Index] {
			t.Error("the index of alice can be given to another")
		}
		for _, err := range []error{
			func() error { _, err := s.Get("alice"); return err }(),
			func() error { _, err := s.Reserve(spec("alice"), "0123456789ab", Running); return err }(),
		} {
			if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "left where it is, "+path) {
				t.Errorf("got %v", err)
			}
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, whole)
	s := open(t, dir)
	if got, err := s.Get("alice"); err != nil || got.Index != alice.Index || len(s.Broken()) != 0 {
		t.Errorf("once it can be read: %+v, %v, broken %v", got, err, s.Broken())
	}
}

// What a crash left goes, what someone put there stays.
func TestStrangeFiles(t *testing.T) {
	dir, _, _ := twoSites(t)
	if err := os.MkdirAll(filepath.Join(dir, ".git", "objects"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".alice.json1234", ".keep", "README"} {
		write(t, filepath.Join(dir, name), nil)
	}
	if s := open(t, dir); len(s.All()) != 2 || len(s.Broken()) != 0 {
		t.Errorf("sites %v, broken %v", s.All(), s.Broken())
	}
	for name, want := range map[string]bool{".alice.json1234": false, ".keep": true, "README": true, ".git/objects": true} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	_, _, whole := twoSites(f)
	f.Add(whole)
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(`{"format":1,"spec":{"domains":["a"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := decode(data)
		if err == nil && (!siteName.MatchString(rec.Name()) || rec.IDBase < lowestID || rec.SSHPort == 0 || rec.Phase == Running) {
			t.Errorf("took %q", data)
		}
		if left, _ := salvage(data); left.Index < -1 || left.Index >= lastIndex {
			t.Errorf("index %d from %q", left.Index, data)
		}
	})
}
