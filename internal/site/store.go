package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"github.com/logis-project/logis/internal/fault"
)

// RecordFormat is the version of the record's JSON that this release reads and writes.
const RecordFormat = 1

// maxRecord bounds a record's file, in bytes.
const maxRecord = 1 << 20

// Store keeps the records: one file a site, written by rename and fsync, and all of them in memory.
type Store struct {
	dir        string
	baseDomain string
	ranges     Ranges

	mu      sync.Mutex
	records map[string]Record
	next    cursor
}

// Open reads every record below dir. A record that cannot be read is an error that names its file; nothing is changed.
func Open(dir, baseDomain string, ranges Ranges) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make record directory: %w", err)
	}
	s := &Store{dir: dir, baseDomain: baseDomain, ranges: ranges, records: map[string]Record{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	for _, e := range entries {
		name, isRecord := strings.CutSuffix(e.Name(), ".json")
		if strings.HasPrefix(name, ".") {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil { // a temporary file that a crash left
				return nil, fmt.Errorf("remove what a crash left: %w", err)
			}
			continue
		}
		if !isRecord {
			continue
		}
		rec, err := read(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if rec.Name() != name {
			return nil, fmt.Errorf("record %s is of site %q: move it away", filepath.Join(dir, e.Name()), rec.Name())
		}
		s.records[name] = rec
	}
	s.next = ranges.after(slices.Collect(maps.Values(s.records)))
	return s, nil
}

func read(path string) (Record, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Record{}, fmt.Errorf("read record: %w", err)
	}
	if info.Size() > maxRecord {
		return Record{}, fmt.Errorf("record %s is larger than a record can be", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return Record{}, fmt.Errorf("read record: %w", err)
	}
	rec, err := decode(data)
	if err != nil {
		return Record{}, fmt.Errorf("record %s: %w", path, err)
	}
	return rec, nil
}

func decode(data []byte) (Record, error) {
	var rec Record
	if err := json.Unmarshal(data, &rec); err != nil {
		return Record{}, err
	}
	switch {
	case rec.Format > RecordFormat:
		return Record{}, fmt.Errorf("written by a newer logis (format %d, this one reads %d): upgrade logis", rec.Format, RecordFormat)
	case rec.Format != RecordFormat:
		return Record{}, fmt.Errorf("unknown format %d", rec.Format)
	case !siteName.MatchString(rec.Name()):
		return Record{}, fmt.Errorf("%q is not a site's name", rec.Name())
	case rec.IDBase < firstID || rec.Index < 0 || rec.Index >= lastIndex || rec.IDBase != firstID+uint32(rec.Index)*idsEach:
		return Record{}, fmt.Errorf("index %d and id range %d do not fit", rec.Index, rec.IDBase)
	case !rec.Address4.Is4() || !rec.Address6.Is6() || rec.SSHPort == 0:
		return Record{}, errors.New("addresses or port are missing")
	}
	return rec, nil
}

// write replaces a record's file; s.mu is held.
func (s *Store) write(rec Record) error {
	data, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	// Rename and fsync of the file; the directory's own fsync makes the rename last through a power cut.
	if err := renameio.WriteFile(s.path(rec.Name()), append(data, '\n'), 0o600, renameio.WithTempDir(s.dir)); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	err = fault.Point("record: written")
	if err == nil {
		err = s.syncDir()
	}
	if err != nil {
		return errors.Join(err, s.putBack(rec.Name()))
	}
	return nil
}

// putBack gives a record's file the content that memory has, after a write whose caller is told that it was none.
func (s *Store) putBack(name string) error {
	old, ok := s.records[name]
	if !ok {
		return os.Remove(s.path(name))
	}
	data, err := json.MarshalIndent(old, "", "  ")
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	return renameio.WriteFile(s.path(name), append(data, '\n'), 0o600, renameio.WithTempDir(s.dir))
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name+".json") }

func (s *Store) syncDir() error {
	d, err := os.Open(s.dir)
	if err != nil {
		return fmt.Errorf("open record directory: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync record directory: %w", err)
	}
	return nil
}

// Reserve checks spec, allocates for it and writes the record with phase Creating. ErrInvalid, ErrConflict or
// ErrExhausted say why not.
func (s *Store) Reserve(spec Spec, imageDigest string, desired State) (Record, error) {
	if err := spec.Check(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.records[spec.Name]; taken {
		return Record{}, fmt.Errorf("%w: a site of that name exists", ErrConflict)
	}
	rec := Record{
		Format: RecordFormat, Spec: spec, Phase: Creating, Desired: desired, ImageDigest: imageDigest,
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := s.checkDomains(rec); err != nil {
		return Record{}, err
	}
	if err := s.ranges.allocate(&s.next, &rec, slices.Collect(maps.Values(s.records))); err != nil {
		return Record{}, err
	}
	if err := s.write(rec); err != nil {
		return Record{}, err
	}
	s.records[spec.Name] = rec
	return rec, nil
}

// checkDomains refuses a domain that another site has, or that rec names twice; s.mu is held.
func (s *Store) checkDomains(rec Record) error {
	owners := map[string]string{}
	for _, other := range s.records {
		for _, d := range s.Domains(other) {
			owners[d] = other.Name()
		}
	}
	for _, d := range s.Domains(rec) {
		if owner, taken := owners[d]; taken {
			return fmt.Errorf("%w: domain %s belongs to site %s", ErrConflict, d, owner)
		}
		owners[d] = rec.Name()
	}
	return nil
}

// Domains returns all domains of a record, NAME.<base_domain> first.
func (s *Store) Domains(rec Record) []string {
	return append([]string{rec.Name() + "." + s.baseDomain}, rec.Spec.Domains...)
}

// Get returns the record of a site, or ErrNotFound.
func (s *Store) Get(name string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.records[name]
	if !ok {
		return Record{}, ErrNotFound
	}
	return rec, nil
}

// All returns every record, by name.
func (s *Store) All() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.records), func(a, b Record) int { return strings.Compare(a.Name(), b.Name()) })
}

// Update changes a record and writes it; change must not keep its argument.
func (s *Store) Update(name string, change func(*Record)) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.records[name]
	if !ok {
		return Record{}, ErrNotFound
	}
	change(&rec)
	if err := s.write(rec); err != nil {
		return Record{}, err
	}
	s.records[name] = rec
	return rec, nil
}

// Release deletes the record; its name, addresses, port and ids can be given anew. It is idempotent.
func (s *Store) Release(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete record: %w", err)
	}
	delete(s.records, name)
	return errors.Join(fault.Point("record: removed"), s.syncDir())
}
