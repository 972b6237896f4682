package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"github.com/logis-project/logis/internal/route"
)

const (
	storeFormat = 1
	maxStore    = 64 << 20               // bytes of routes.json that are read
	storePause  = 250 * time.Millisecond // between two writes: many changes are one write
)

// kept is the content of routes.json.
type kept struct {
	Format int           `json:"format"`
	Routes []route.Route `json:"routes"`
}

// store keeps the table in routes.json. A change is on disk within storePause and the time of a write: what a crash loses
// of it, logisd sends again.
type store struct {
	path  string
	table *table
	log   *slog.Logger
	dirty chan struct{} // buffered, 1

	mu     sync.Mutex
	frozen bool // the file is a successor's
}

func newStore(dir string, t *table, log *slog.Logger) *store {
	return &store{path: filepath.Join(dir, "routes.json"), table: t, log: log, dirty: make(chan struct{}, 1)}
}

// changed says that the table is no longer what is on disk.
func (s *store) changed() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// load puts what is on disk into the table. A file that cannot be used is logged: the proxy then waits for logisd.
func (s *store) load() {
	s.sweep()
	routes, err := readRoutes(s.path)
	if err != nil {
		s.log.Error("the kept routes cannot be used: waiting for logisd", "err", err)
		return
	}
	s.table.replace(routes)
	s.log.Info("routes loaded", "routes", len(routes), "file", s.path)
}

// sweep removes what a proxy left behind that was killed while it wrote. A predecessor that runs is frozen.
func (s *store) sweep() {
	dir, name := filepath.Split(s.path)
	files, _ := os.ReadDir(dir) // load says what is wrong with it
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "."+name) {
			os.Remove(filepath.Join(dir, f.Name()))
		}
	}
}

// freeze writes the table and then nothing until thaw: a successor reads the file, and writes it from then on.
func (s *store) freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeLocked()
	s.frozen = true
}

// thaw takes the file back from a successor that did not take over.
func (s *store) thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = false
	s.changed() // whatever the successor wrote
}

// readRoutes reads the valid routes of a file; a missing file has none.
func readRoutes(path string) ([]route.Route, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStore))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return parseRoutes(data)
}

// parseRoutes reads the content of routes.json and leaves out what is not a valid route.
func parseRoutes(data []byte) ([]route.Route, error) {
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return nil, fmt.Errorf("parse routes: %w", err)
	}
	if k.Format != storeFormat {
		return nil, fmt.Errorf("parse routes: format %d, this release reads %d", k.Format, storeFormat)
	}
	valid := k.Routes[:0]
	for _, r := range k.Routes {
		if r.Check() == nil {
			valid = append(valid, r)
		}
	}
	return valid, nil
}

// run writes the table after each change until ctx is done, and then once more if need be.
func (s *store) run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			s.flush()
			return
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
		case <-s.dirty:
			s.write()
		}
		pause.Reset(storePause)
	}
}

// flush writes the table if it has changed.
func (s *store) flush() {
	select {
	case <-s.dirty:
		s.write()
	default:
	}
}

func (s *store) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.frozen {
		s.writeLocked()
	}
}

func (s *store) writeLocked() {
	data, err := json.Marshal(kept{storeFormat, s.table.routes()})
	if err == nil {
		err = renameio.WriteFile(s.path, append(data, '\n'), 0o600, renameio.WithTempDir(filepath.Dir(s.path)))
	}
	if err != nil {
		s.log.Error("routes are not kept on disk: a restart without logisd would serve old ones", "err", err)
	}
}
