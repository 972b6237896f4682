package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Broken is a record that could not be taken, and was kept aside. Nothing that its site is known to have is given to
// another one meanwhile.
type Broken struct {
	Name   string // of the site, as the file's name says it
	Path   string // of the file, where it lies now
	Reason string // why it was not taken, one line

	// What could still be read of it.
	Index       int      // -1 where it is lost
	SSHPort     uint16   // 0 where it is lost
	Domains     []string // beside NAME.<base_domain>
	Image       string   // "" where it is lost
	ImageDigest string   // "" where it is lost
}

// MayUse tells whether the site may have been made from an image: every one, where its record no longer says which.
func (b Broken) MayUse(image, digest string) bool {
	return (b.Image == "" || b.Image == image) && (b.ImageDigest == "" || b.ImageDigest == digest)
}

// Mend says what to do about it.
func (b Broken) Mend() string {
	return fmt.Sprintf("mend the file, move it back to %s.json and restart logisd; or give the site up: logis destroy %s", b.Name, b.Name)
}

// Of a file that was kept aside: NAME.json.broken-TIME.
const asideMark = ".json.broken-"

// asideOf returns the site of a file that was kept aside.
func asideOf(file string) (name string, ok bool) {
	name, _, ok = strings.Cut(file, asideMark)
	return name, ok
}

// moveAside renames a record's file to a name that is free, whatever the clock says, and returns its new path.
func moveAside(path string) (string, error) {
	stamp := time.Now().UTC().Format("20060102T150405Z")
	aside := strings.TrimSuffix(path, ".json") + asideMark + stamp
	for n, to := 2, aside; ; n, to = n+1, fmt.Sprintf("%s-%d", aside, n) {
		err := unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
		if err == nil {
			return to, nil
		}
		if !errors.Is(err, unix.EEXIST) {
			return path, fmt.Errorf("move %s aside: %w", filepath.Base(path), err)
		}
	}
}

// putAside keeps a record's file aside and remembers what is left of it. One that cannot be moved is not taken all the
// same. s.mu is held, or the store is not open yet.
func (s *Store) putAside(name, path string, data []byte, reason error) {
	left, _ := salvage(data)
	left.Name, left.Reason = name, oneLine(reason)
	aside, err := moveAside(path)
	if err == nil {
		err = s.syncDir()
	}
	if err != nil {
		left.Reason += "; " + oneLine(err)
	}
	left.Path = aside
	s.broken = append(s.broken, left)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// salvage reads what can be read of a record, up to where it is cut off or wrong. format is 0 where that is lost.
func salvage(data []byte) (left Broken, format int) {
	left.Index = -1
	d := json.NewDecoder(bytes.NewReader(data))
	// The error is known already, and everything up to it is taken.
	_ = fields(d, func(key string) error {
		switch key {
		case "format":
			return d.Decode(&format)
		case "index":
			return d.Decode(&left.Index)
		case "ssh_port":
			return d.Decode(&left.SSHPort)
		case "image_digest":
			return d.Decode(&left.ImageDigest)
		case "spec":
			return fields(d, func(key string) error {
				switch key {
				case "image":
					return d.Decode(&left.Image)
				case "domains":
					return d.Decode(&left.Domains)
				}
				return skip(d)
			})
		}
		return skip(d)
	})
	if left.Index < 0 || left.Index >= lastIndex {
		left.Index = -1
	}
	return left, format
}

// fields calls each for every key of an object; each consumes its value.
func fields(d *json.Decoder, each func(key string) error) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(err, errors.New("not an object"))
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // nothing else is a key
		if err := each(key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func skip(d *json.Decoder) error {
	var value json.RawMessage
	return d.Decode(&value)
}

// Broken returns the records that are kept aside, by name.
func (s *Store) Broken() []Broken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(s.broken), func(a, b Broken) int { return strings.Compare(a.Name, b.Name) })
}

// brokenOf returns the newest record of a site that is kept aside, for a site that has no other; s.mu is held.
func (s *Store) brokenOf(name string) (Broken, bool) {
	if _, whole := s.records[name]; whole {
		return Broken{}, false
	}
	for _, b := range slices.Backward(s.broken) {
		if b.Name == name {
			return b, true
		}
	}
	return Broken{}, false
}

// BrokenOf returns the record of a site that is kept aside, where the site has no whole one.
func (s *Store) BrokenOf(name string) (Broken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.brokenOf(name)
}

// Discard deletes the records of a site that are kept aside, once its disk is gone: its name and all that it had can be given
// anew. It is idempotent, and leaves a whole record alone.
func (s *Store) Discard(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, broken := s.brokenOf(name); !broken {
		return nil
	}
	for _, b := range s.broken {
		if b.Name != name {
			continue
		}
		if err := os.RemoveAll(b.Path); err != nil { // a directory can lie in a record's place
			return fmt.Errorf("delete broken record: %w", err)
		}
	}
	s.broken = slices.DeleteFunc(s.broken, func(b Broken) bool { return b.Name == name })
	delete(s.disks, name)
	return s.syncDir()
}

// conflict is why nothing can be done with a site whose record is kept aside.
func (b Broken) conflict() error {
	return fmt.Errorf("%w: the record of that site is broken and kept aside as %s (%s): %s", ErrConflict, b.Path, b.Reason, b.Mend())
}
