package guest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/guest/control"
)

// What an order asks of a service.
const (
	orderStart   = "start"
	orderStop    = "stop"
	orderRestart = "restart"
)

// order is what somebody in the site wants of one service.
type order struct {
	what  string
	spec  Service       // what its file says now; not of orderStop
	taken chan struct{} // closed when the board shows what came of it
}

var (
	errStopping  = errors.New("the site is stopping")
	errNoService = errors.New("there is no such service")
)

// roster is the services at work. One is added at a time, also while the site runs; none is taken away.
type roster struct {
	adding sync.Mutex // held while one is looked for and added

	mu       sync.Mutex
	services []*service
	closed   bool // the site stops: none is added any more
}

// all returns the services of this moment.
func (r *roster) all() []*service {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*service{}, r.services...)
}

// find returns the service of that name, or nil.
func (r *roster) find(name string) *service {
	for _, s := range r.all() {
		if s.name == name {
			return s
		}
	}
	return nil
}

// add begins to supervise s; false when the site stops.
func (r *roster) add(s *service, begin func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.services = append(r.services, s)
	begin()
	return true
}

// close returns all services: there will be no more.
func (r *roster) close() []*service {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.services
}

// order gives an order to the service of that name and returns when the board shows it. Its file is read anew first, one that
// is wrong changes nothing; a service that is not known yet is taken up. errNoService is wrapped where there is neither.
func (g *guest) order(ctx context.Context, name, what string) error {
	o := order{what: what, taken: make(chan struct{})}
	if what != orderStop {
		spec, err := g.reread(name)
		if err != nil {
			return err
		}
		if known, err := g.enlist(ctx, spec); err != nil || !known {
			return err
		}
		o.spec = spec
	}
	s := g.roster.find(name)
	if s == nil {
		return fmt.Errorf("%s: %w", name, errNoService)
	}
	select {
	case s.orders <- o:
	case <-s.done:
		return errStopping
	case <-ctx.Done():
		return errStopping
	}
	select {
	case <-o.taken:
	case <-s.done:
	}
	return nil
}

// reread reads the file of a service as it is now.
func (g *guest) reread(name string) (Service, error) {
	if !validName(name) {
		return Service{}, fmt.Errorf("%s: %w", name, errNoService)
	}
	path := filepath.Join(g.opts.Services, name+".toml")
	spec, err := readService(path, name, g.opts.Site)
	if errors.Is(err, fs.ErrNotExist) {
		return Service{}, fmt.Errorf("%s: %w: %s is missing", name, errNoService, path)
	}
	if err != nil {
		return Service{}, fmt.Errorf("%s: %w", path, err)
	}
	all, names := []Service{spec}, []string{name}
	for _, other := range g.roster.all() {
		if other.name != name {
			all = append(all, Service{Name: other.name, Needs: other.needs()})
			names = append(names, other.name)
		}
	}
	if err := checkNeeds(spec, all, names); err != nil {
		return Service{}, fmt.Errorf("%s: %w", path, err)
	}
	return spec, nil
}

// enlist takes up a service whose file came, or was put right, while the site runs; known says that it was there already.
func (g *guest) enlist(ctx context.Context, spec Service) (known bool, err error) {
	g.roster.adding.Lock()
	defer g.roster.adding.Unlock()
	if g.roster.find(spec.Name) != nil {
		return true, nil
	}
	if len(g.roster.all()) >= maxServices {
		return false, fmt.Errorf("%s: a site has at most %d services", spec.Name, maxServices)
	}
	s, err := g.newService(spec)
	if err != nil {
		return false, err
	}
	if !g.roster.add(s, func() { g.begin(ctx, s) }) {
		return false, errStopping
	}
	return false, nil
}

// begin supervises s from here on, and keeps its log.
func (g *guest) begin(ctx context.Context, s *service) {
	g.after.Go(s.log.run)
	g.tasks.Go(func() { g.supervise(ctx, s) })
}

// beginAll begins with the lowest start_order; of equals with what stops last, which others may need. One after the other, since
// PID 1 waits anyway, each time that it forks, until the program is executed; what comes first also has the processors for itself.
func (g *guest) beginAll(ctx context.Context, services []*service) {
	services = slices.Clone(services)
	slices.SortStableFunc(services, func(a, b *service) int {
		x, y := a.current(), b.current()
		return cmp.Or(cmp.Compare(x.StartOrder, y.StartOrder), cmp.Compare(x.StopOrder, y.StopOrder))
	})
	for _, s := range services {
		g.begin(ctx, s)
		select {
		case <-s.begun:
		case <-ctx.Done():
		}
	}
}

// obey takes an order and shows it on the board; it returns whether s is to stay stopped.
func (g *guest) obey(s *service, o order) (off bool) {
	defer close(o.taken)
	off = o.what == orderStop
	state := stateStopped
	if !off {
		s.take(o.spec)
		state = stateStarting
	}
	g.board.setOff(s.index, off, func(b *control.Service) {
		b.State, b.Ready, b.PID, b.Restarts, b.Error = state, false, 0, 0, ""
	})
	return off
}

// next returns the next order for s, or nil when timeout or ctx ends first; a nil timeout never does.
func (s *service) next(ctx context.Context, timeout <-chan time.Time) *order {
	select {
	case o := <-s.orders:
		return &o
	case <-timeout:
	case <-ctx.Done():
	}
	return nil
}
