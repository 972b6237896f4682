package site

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStrays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	reserve(t, s, spec("alice"))
	for _, name := range []string{".alice.json123", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Strays()
	if diff := cmp.Diff([]string{".alice.json123"}, got); diff != "" || err != nil {
		t.Errorf("strays (-want +got): %v\n%s", err, diff)
	}
	for _, name := range []string{".alice.json123", ".alice.json123"} {
		if err := s.RemoveStray(name); err != nil {
			t.Errorf("remove %s: %v", name, err)
		}
	}
	for _, name := range []string{"alice.json", "notes.txt", "../x", "./.x"} {
		if err := s.RemoveStray(name); err == nil {
			t.Errorf("removed %s", name)
		}
	}
	if got, err := s.Strays(); got != nil || err != nil {
		t.Errorf("strays afterwards: %v, %v", got, err)
	}
}

func TestCheckFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	reserve(t, s, spec("alice"))
	path := filepath.Join(dir, "alice.json")
	if err := s.CheckFile("alice"); err != nil {
		t.Error(err)
	}
	if err := s.CheckFile("bob"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a site that is not: %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckFile("alice"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a record: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckFile("alice"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no record: %v", err)
	}
	if err := s.Save("alice"); err != nil {
		t.Error(err)
	}
	if err := s.CheckFile("alice"); err != nil {
		t.Error(err)
	}
}
