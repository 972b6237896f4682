package site

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Strays lists the temporary files that a write which died left among the records, by name. Open removes them too.
func (s *Store) Strays() ([]string, error) {
	s.mu.Lock() // no write is under way
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	var strays []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && e.Type().IsRegular() {
			strays = append(strays, e.Name())
		}
	}
	return strays, nil
}

// RemoveStray removes one of Strays; one that is gone is fine.
func (s *Store) RemoveStray(name string) error {
	if name != filepath.Base(name) || !strings.HasPrefix(name, ".") {
		return fmt.Errorf("%q is not a temporary file of a record", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove temporary file: %w", err)
	}
	return s.syncDir()
}

// CheckFile compares the file of a site's record with what is in memory. fs.ErrNotExist is a file that is gone; any other
// error says why it does not hold the record.
func (s *Store) CheckFile(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.records[name]
	if !ok {
		return ErrNotFound
	}
	saved, _, err := read(s.path(name), name)
	if err != nil {
		return err
	}
	want, err := encode(rec)
	if err != nil {
		return err
	}
	// Both written anew: the file may be of an older logis, whose records had fewer fields.
	if got, err := encode(saved); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("record %s was changed since logisd read it", s.path(name))
	}
	return nil
}

// Save writes the record of a site once more.
func (s *Store) Save(name string) error {
	_, err := s.Update(name, func(*Record) {})
	return err
}
