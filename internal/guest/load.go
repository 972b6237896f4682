package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/internal/guest/control"
)

const (
	maxServices = 64
	maxNames    = 4096 // names of the directory that are looked at
)

// load reads the service files and fills the board. A file that is wrong costs only its own service, which is failed
// with the reason; what needs it waits. A directory that is missing is a site without services; one that cannot be read is
// a failed service in their place.
func (g *guest) load() {
	g.board = newBoard()
	names, err := serviceNames(g.opts.Services)
	if err != nil {
		g.board.add(control.Service{Name: "services", State: stateFailed, Invalid: true, Error: err.Error()})
	}
	var specs []Service
	for i, name := range names {
		if i == maxServices {
			g.board.add(control.Service{Name: name, State: stateFailed, Invalid: true, Error: fmt.Sprintf(
				"a site has at most %d services: this one and the %d after it are not started", maxServices, len(names)-i-1)})
			break
		}
		spec, err := readService(filepath.Join(g.opts.Services, name+".toml"), name, g.opts.Site)
		if err != nil {
			g.board.add(control.Service{Name: name, State: stateFailed, Invalid: true, Error: err.Error()})
			continue
		}
		specs = append(specs, spec)
	}
	for _, spec := range specs {
		if err := checkNeeds(spec, specs, names); err != nil {
			g.board.add(control.Service{Name: spec.Name, State: stateFailed, Invalid: true, Error: err.Error()})
			continue
		}
		if err := g.addService(spec); err != nil {
			g.board.add(control.Service{Name: spec.Name, State: stateFailed, Error: err.Error()})
		}
	}
}

func (g *guest) addService(spec Service) error {
	s, err := g.newService(spec)
	if err != nil {
		return err
	}
	g.roster.services = append(g.roster.services, s)
	return nil
}

// newService makes what it takes to supervise one service, and puts it on the board.
func (g *guest) newService(spec Service) (*service, error) {
	log, err := g.newLog(spec.Name)
	if err != nil {
		return nil, err
	}
	return &service{
		name: spec.Name, spec: spec, log: log,
		orders: make(chan order), begun: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		index: g.board.add(control.Service{Name: spec.Name, State: stateWaiting}),
	}, nil
}

func (g *guest) newLog(name string) (*serviceLog, error) {
	log, err := newServiceLog(g.opts.Logs, name, g.logSize())
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", name, err)
	}
	if gid, err := g.accounts.groupID("adm"); err == nil {
		log.gid = int(gid) // Debian's group for reading logs
	}
	return log, nil
}

func readService(path, name, owner string) (Service, error) {
	text, err := readRegular(path, maxServiceFile)
	if err != nil {
		return Service{}, fmt.Errorf("read service file: %w", err)
	}
	return ParseService(name, text, owner)
}

// serviceNames lists the services of dir, sorted. Files that are not called NAME.toml are passed over.
func serviceNames(dir string) ([]string, error) {
	d, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0) // a FIFO in its place would block
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	files, err := d.Readdirnames(maxNames)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var names []string
	for _, file := range files {
		if name, ok := strings.CutSuffix(file, ".toml"); ok && validName(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// checkNeeds refuses a service that needs one that does not exist, or itself through others: it could never start.
func checkNeeds(s Service, all []Service, names []string) error {
	needs := map[string][]string{}
	for _, other := range all {
		needs[other.Name] = other.Needs
	}
	seen := map[string]bool{}
	todo := slices.Clone(s.Needs)
	for len(todo) > 0 {
		name := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if name == s.Name {
			return fmt.Errorf("needs: %s waits for itself", s.Name)
		}
		if !seen[name] {
			seen[name] = true
			todo = append(todo, needs[name]...)
		}
	}
	for _, name := range s.Needs {
		if !slices.Contains(names, name) {
			return fmt.Errorf("needs: there is no service %q", name)
		}
	}
	return nil
}
