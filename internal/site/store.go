package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

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

	mu        sync.Mutex
	records   map[string]Record
	broken    []Broken
	contested map[string]bool // domains that several records claimed when Settle looked
	disks     map[string]int  // indexes of disks that had no whole record when Settle looked; -1 is unknown
	next      cursor
}

// temporary is what renameio calls a file that is to become a record.
var temporary = regexp.MustCompile(`^\.[a-z0-9-]+\.json\d+$`)

// errNewer is returned for a record whose meaning only a newer release knows.
var errNewer = errors.New("written by a newer logis")

// errOdd is the reason why a record is kept aside whose ids are others than those of its index.
var errOdd = errors.New("its ids do not count from first_id")

// errUnread is returned for a record that the host could not read: nothing is known to be wrong with the record.
var errUnread = errors.New("it cannot be read")

// Open reads every record below dir. One that cannot be taken is kept aside under another name, and one that cannot be read is left
// where it is: see Broken. One of a newer format is an error that names its file, and nothing is changed: what that site has cannot be known.
func Open(dir, baseDomain string, ranges Ranges) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make record directory: %w", err)
	}
	s := &Store{dir: dir, baseDomain: baseDomain, ranges: ranges, records: map[string]Record{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	var bad []func()           // once no record is newer
	odd := map[string][]byte{} // the files of records whose ids do not count from the configured one
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if temporary.MatchString(e.Name()) && e.Type().IsRegular() {
			if err := os.Remove(path); err != nil { // a crash left it
				return nil, fmt.Errorf("remove what a crash left: %w", err)
			}
			continue
		}
		if name, ok := asideOf(e.Name()); ok {
			s.broken = append(s.broken, stillBroken(name, path))
			continue
		}
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		rec, data, err := read(path, name)
		switch {
		case errors.Is(err, errNewer):
			return nil, fmt.Errorf("record %s: %w", path, err)
		case errors.Is(err, errUnread): // a disk that fails, no memory: the next start may read it
			s.broken = append(s.broken, Broken{Name: name, Path: path, Reason: oneLine(err), Index: -1})
		case err != nil:
			bad = append(bad, func() { s.putAside(name, path, data, err) })
		default:
			s.records[name] = rec
			if rec.IDBase != ranges.idBase(rec.Index) {
				odd[name] = data
			}
		}
	}
	for name, data := range odd {
		rec := s.records[name]
		if len(odd) == len(s.records) { // a change of the configuration. What lies on the disks is stored with their ids
			return nil, fmt.Errorf("first_id is %d, and the ids of site %s count from %d: put that back into logis.toml, "+
				"it cannot be changed while there are sites", ranges.FirstID, name, rec.IDBase-uint32(rec.Index)*idsEach)
		}
		bad = append(bad, func() { s.putAside(name, filepath.Join(dir, name+".json"), data, errOdd) })
	}
	maps.DeleteFunc(s.records, func(name string, _ Record) bool { return odd[name] != nil })
	for _, put := range bad {
		put()
	}
	s.next = ranges.after(slices.Collect(maps.Values(s.records)))
	return s, nil
}

// IDs returns the first and the last of the host's ids that sites are or may be given.
func (s *Store) IDs() (first, last uint32) { return s.ranges.IDs() }

// SiteIDs returns the first ids of what sites have, 65,536 each, in no order; of a record or a disk that cannot be read they
// may be unknown.
func (s *Store) SiteIDs() (first []uint32, each uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	indexes, _ := s.held()
	for index := range indexes {
		if index >= 0 && index < s.ranges.hosts() {
			first = append(first, s.ranges.idBase(index))
		}
	}
	return first, idsEach
}

// Recorded tells, without opening the store, whether dir has records of sites, whole ones or not.
func Recorded(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("list records: %w", err)
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		_, aside := asideOf(e.Name())
		return aside || strings.HasSuffix(e.Name(), ".json")
	}), nil
}

// stillBroken looks again at a record that was kept aside.
func stillBroken(name, path string) Broken {
	_, data, err := read(path, name)
	if err == nil {
		err = errors.New("kept aside earlier, it can be read")
	}
	b, _ := salvage(data)
	b.Name, b.Path, b.Reason = name, path, oneLine(err)
	return b
}

// read reads the record of a site; what could be read of the file is returned with an error too.
func read(path, name string) (Record, []byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a FIFO of that name must not hold up the start
	if err != nil {
		if st, lerr := os.Lstat(path); lerr == nil && !st.Mode().IsRegular() { // a socket, a link to nowhere
			return Record{}, nil, fmt.Errorf("not a regular file: %w", err)
		}
		return Record{}, nil, fmt.Errorf("%w: %w", errUnread, err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return Record{}, nil, fmt.Errorf("%w: %w", errUnread, err)
	} else if !st.Mode().IsRegular() {
		return Record{}, nil, errors.New("not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil {
		return Record{}, data, fmt.Errorf("%w: %w", errUnread, err)
	}
	if len(data) > maxRecord {
		return Record{}, data, errors.New("larger than a record can be")
	}
	rec, err := decode(data)
	if err == nil && rec.Name() != name {
		err = fmt.Errorf("it is of site %q", rec.Name())
	}
	return rec, data, err
}

func decode(data []byte) (Record, error) {
	// Before all else: of a newer format nothing but this is known.
	if _, format := salvage(data); format > RecordFormat {
		return Record{}, fmt.Errorf("%w (format %d, this one reads %d): upgrade logis", errNewer, format, RecordFormat)
	}
	var rec Record
	if err := json.Unmarshal(data, &rec); err != nil {
		return Record{}, err
	}
	rec.Spec.Limits = rec.Spec.Limits.complete()
	switch {
	case rec.Format != RecordFormat:
		return Record{}, fmt.Errorf("unknown format %d", rec.Format)
	case !siteName.MatchString(rec.Name()):
		return Record{}, fmt.Errorf("%q is not a site's name", rec.Name())
	case rec.Index < 0 || rec.Index >= lastIndex || !fits(rec):
		return Record{}, fmt.Errorf("index %d and id range %d do not fit", rec.Index, rec.IDBase)
	case !rec.Address4.Is4() || !rec.Address6.Is6() || rec.SSHPort == 0:
		return Record{}, errors.New("addresses or port are missing")
	// A site in a phase of its own would be taken for half made, and undone.
	case rec.Phase != Creating && rec.Phase != Stopped && rec.Phase != Destroying:
		return Record{}, fmt.Errorf("unknown phase %.20q", rec.Phase)
	case rec.Desired != Running && rec.Desired != Stopped:
		return Record{}, fmt.Errorf("unknown desired state %.20q", rec.Desired)
	}
	for _, d := range rec.Spec.Domains { // the proxy would refuse the table of all
		if err := CheckDomain(d); err != nil {
			return Record{}, err
		}
	}
	return rec, nil
}

// fits tells whether index and ids of a record can belong together: a range of whole ids, above those of the host.
func fits(rec Record) bool {
	behind := uint64(rec.Index) * idsEach
	return uint64(rec.IDBase) >= behind+lowestID && uint64(rec.IDBase)+idsEach < 1<<32
}

// encode returns the content of a record's file.
func encode(rec Record) ([]byte, error) {
	data, err := json.MarshalIndent(rec, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	return append(data, '\n'), nil
}

// write replaces a record's file; s.mu is held.
func (s *Store) write(rec Record) error {
	data, err := encode(rec)
	if err != nil {
		return err
	}
	if len(data) > maxRecord { // it could not be read
		return fmt.Errorf("%w: domains and keys are too long together: the record would be larger than %d KiB", ErrInvalid, maxRecord>>10)
	}
	// Rename and fsync of the file; the directory's own fsync makes the rename last through a power cut. The temporary file
	// lies beside it, where Open finds what a crash left.
	err = renameio.WriteFile(s.path(rec.Name()), data, 0o600, renameio.WithTempDir(s.dir))
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("write record: no space is left in %s: free some, nothing was changed", s.dir)
	}
	if err != nil {
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
	data, err := encode(old)
	if err != nil {
		return err
	}
	return renameio.WriteFile(s.path(name), data, 0o600, renameio.WithTempDir(s.dir))
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
	spec, err := s.canonical(spec)
	if err != nil {
		return Record{}, err
	}
	if err := spec.Check(); err != nil {
		return Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkName(spec.Name); err != nil {
		return Record{}, err
	}
	rec := Record{
		Format: RecordFormat, Spec: spec, Phase: Creating, Desired: desired, ImageDigest: imageDigest,
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := s.checkDomains(rec); err != nil {
		return Record{}, err
	}
	indexes, ports := s.held()
	if err := s.ranges.allocate(&s.next, &rec, indexes, ports); err != nil {
		return Record{}, err
	}
	if err := s.replace(rec); err != nil {
		return Record{}, err
	}
	return rec, nil
}

// Get returns the record of a site; ErrNotFound, or ErrConflict where it is broken and kept aside.
func (s *Store) Get(name string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, ok := s.records[name]
	if b, broken := s.brokenOf(name); broken {
		return Record{}, b.conflict()
	}
	if !ok {
		return Record{}, s.missing(name)
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
		return Record{}, s.missing(name)
	}
	change(&rec)
	if err := s.replace(rec); err != nil {
		return Record{}, err
	}
	return rec, nil
}

// Release deletes the record; its name, addresses, port and ids can be given anew. It is idempotent. After an error the record
// is still there, for another Release: its file may come back with the next start.
func (s *Store) Release(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete record: %w", err)
	}
	if err := fault.Point("record: removed"); err != nil {
		return err
	}
	if err := s.syncDir(); err != nil {
		return err
	}
	delete(s.records, name)
	return nil
}
