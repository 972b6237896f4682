// Package servertest is the API without a host, for tests: a server on a real socket whose engine keeps sites and images
// in memory. It must not be linked into any program.
package servertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/image"
	"github.com/logis-project/logis/internal/site"
)

// Engine is an engine without a host: sites and images are records in memory, sessions are given by the test.
type Engine struct {
	Hold  chan struct{} // not nil: Create says so here, then waits for its ctx
	Freed chan error    // what ended the ctx of a held Create
	Undo  chan struct{} // not nil: a held Create undoes itself only when this is closed

	Build func(ctx context.Context, report func(engine.Progress)) error // not nil: what BuildImage does

	Export func(w io.Writer) error // not nil: what ExportImage writes

	OnShow func(site.Status) // not nil: called by Show

	OnStart func(ctx context.Context, name string) error // not nil: called by Start where it waits

	// Session is the site's side of exec and logs; req is a control.Exec or a control.Logs.
	Session func(ctx context.Context, name string, inside net.Conn, req any)

	Happened *event.Log // what Events reads; in memory

	mu     sync.Mutex
	sites  map[string]site.Status
	images map[string]engine.ImageStatus
	last   site.Spec

	diagnosis engine.Diagnosis
	asked     int // for stats

	Uncounted bool // no proxy tells of requests

	Proof func(ctx context.Context, name string, report engine.ProofReport) (engine.ProofSum, error) // what Prove does
}

// New returns an Engine without sites and images.
func New() *Engine {
	return &Engine{
		sites: map[string]site.Status{}, images: map[string]engine.ImageStatus{}, Freed: make(chan error, 1),
		Happened: event.Open(event.Options{}),
	}
}

// Birth is when every site is created and started and every image built.
func Birth() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// Put adds a site or replaces it.
func (m *Engine) Put(s site.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sites[s.Record.Name()] = s
}

// PutImage adds an image or replaces it.
func (m *Engine) PutImage(name string, usedBy ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.images[name] = engine.ImageStatus{Image: image.Image{
		Name: name, Digest: "0123456789ab", Suite: "bookworm", SizeBytes: 400 << 20, Packages: 200, BuiltAt: Birth(),
	}, UsedBy: usedBy}
}

// Last returns the spec that Create saw last.
func (m *Engine) Last() site.Spec {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Limits are those of every site of StatusOf.
func Limits() site.Limits {
	return site.Limits{
		Memory: 512 << 20, Disk: 2 << 30, CPUs: 1, PIDs: 512,
		CPUWeight: 100, IOWeight: 100, OpenFiles: 4096, LogSize: 2 << 20,
	}
}

// StatusOf returns a site with every field set.
func StatusOf(name string, state site.State) site.Status {
	return site.Status{
		Record: site.Record{
			Spec:    site.Spec{Name: name, Image: "lemp", Limits: Limits()},
			Desired: state, Address4: netip.MustParseAddr("10.83.0.2"), Address6: netip.MustParseAddr("fd83:6c6f:6769::2"),
			SSHPort: 22001, IDBase: 1000000000, CreatedAt: Birth(),
		},
		State: state, Domains: []string{name + ".localhost"}, URLs: []string{"http://" + name + ".localhost/"}, SSHHost: "h",
		Services: []site.Service{{Name: "nginx", State: "running", Ready: true, PID: 7}}, PID: 1234, StartedAt: Birth(),
	}
}

// Create implements server.Engine.
func (m *Engine) Create(ctx context.Context, spec site.Spec, opts engine.CreateOptions) (site.Status, error) {
	if opts.Report != nil {
		opts.Report(engine.SiteProgress{Step: engine.StepServices, Waiting: []string{"nginx", "mariadb"}})
	}
	if m.Hold != nil {
		m.Put(StatusOf(spec.Name, site.Creating))
		m.Hold <- struct{}{}
		<-ctx.Done()
		m.Freed <- ctx.Err()
		if m.Undo != nil {
			<-m.Undo
		}
		_ = m.Destroy(ctx, spec.Name)
		return site.Status{}, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = spec
	if err := site.CheckName(spec.Name); err != nil {
		return site.Status{}, err
	}
	if _, taken := m.sites[spec.Name]; taken {
		return site.Status{}, fmt.Errorf("%w: a site of that name exists", site.ErrConflict)
	}
	state := site.Running
	if opts.NoStart {
		state = site.Stopped
	} else if opts.NoWait {
		state = site.Starting
	}
	m.sites[spec.Name] = StatusOf(spec.Name, state)
	return m.sites[spec.Name], nil
}

func (m *Engine) set(name string, state site.State) (site.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.sites[name]; !ok {
		return site.Status{}, site.ErrNotFound
	}
	m.sites[name] = StatusOf(name, state)
	return m.sites[name], nil
}

// Destroy implements server.Engine.
func (m *Engine) Destroy(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.sites[name]; !ok {
		return site.ErrNotFound
	}
	delete(m.sites, name)
	return nil
}

// Up implements server.Engine: what is failed stays so.
func (m *Engine) Up(ctx context.Context) (engine.BootReport, error) {
	report := engine.BootReport{Began: Birth(), Ended: Birth().Add(time.Second)}
	all, err := m.List(ctx)
	for _, s := range all {
		if s.State == site.Failed {
			report.Sites = append(report.Sites, engine.BootSite{Name: s.Record.Name(), Outcome: engine.NotUp, Error: "no such image"})
			continue
		}
		report.Sites = append(report.Sites, engine.BootSite{Name: s.Record.Name(), Outcome: engine.Up, Took: time.Second})
	}
	return report, err
}

// Down implements server.Engine.
func (m *Engine) Down(ctx context.Context, budget time.Duration) (int, error) {
	if budget == time.Second {
		return 0, errors.New("stop alice: PID 1 has not ended")
	}
	all, err := m.List(ctx)
	return len(all), err
}

// List implements server.Engine.
func (m *Engine) List(context.Context) ([]site.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []site.Status
	for _, name := range slices.Sorted(maps.Keys(m.sites)) {
		all = append(all, m.sites[name])
	}
	return all, nil
}

// Show implements server.Engine.
func (m *Engine) Show(_ context.Context, name string) (site.Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sites[name]
	if !ok {
		return s, site.ErrNotFound
	}
	if m.OnShow != nil {
		m.OnShow(s)
	}
	return s, nil
}

// Wait implements server.Engine.
func (m *Engine) Wait(ctx context.Context, name string, target site.State) (site.Status, error) {
	s, err := m.Show(ctx, name)
	if err == nil && s.State != target {
		<-ctx.Done()
		return s, fmt.Errorf("wait: %w", ctx.Err())
	}
	return s, err
}

// open gives the server one end of a unix socket pair and the test's session the other.
func (m *Engine) open(ctx context.Context, name string, req any) (net.Conn, error) {
	if _, err := m.Show(ctx, name); err != nil {
		return nil, err
	}
	outside, inside, err := socketPair()
	if err != nil {
		return nil, err
	}
	go func() {
		defer inside.Close()
		m.Session(ctx, name, inside, req)
	}()
	return outside, nil
}

// Exec implements server.Engine.
func (m *Engine) Exec(ctx context.Context, name string, req control.Exec) (net.Conn, error) {
	return m.open(ctx, name, req)
}

// Logs implements server.Engine.
func (m *Engine) Logs(ctx context.Context, name string, req control.Logs) (net.Conn, error) {
	return m.open(ctx, name, req)
}

// Images implements server.Engine.
func (m *Engine) Images(context.Context) ([]engine.ImageStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []engine.ImageStatus
	for _, i := range m.images {
		all = append(all, i)
	}
	return all, nil
}

// Image implements server.Engine.
func (m *Engine) Image(_ context.Context, name string) (engine.ImageStatus, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.images[name]
	if !ok {
		return i, fmt.Errorf("%w: no image %q", site.ErrNotFound, name)
	}
	return i, nil
}

// RemoveImage implements server.Engine.
func (m *Engine) RemoveImage(ctx context.Context, name string) error {
	i, err := m.Image(ctx, name)
	if err != nil {
		return err
	}
	if len(i.UsedBy) > 0 {
		return fmt.Errorf("%w: used by %v", site.ErrConflict, i.UsedBy)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.images, name)
	return nil
}

// BuildImage implements server.Engine.
func (m *Engine) BuildImage(ctx context.Context, name string, report func(engine.Progress)) (engine.ImageStatus, error) {
	if m.Build != nil {
		if err := m.Build(ctx, report); err != nil {
			return engine.ImageStatus{}, err
		}
		m.PutImage(name)
		return m.Image(ctx, name)
	}
	report(engine.Progress{Step: "debootstrap", Index: 1, Total: 2})
	if name == "broken" {
		return engine.ImageStatus{}, fmt.Errorf("build image broken: debootstrap: exit status 1\nE: no mirror\nE: really")
	}
	report(engine.Progress{Step: "scrub", Index: 2, Total: 2, Detail: "logs"})
	m.PutImage(name)
	return m.Image(ctx, name)
}

// ExportImage implements server.Engine.
func (m *Engine) ExportImage(ctx context.Context, name string, w io.Writer) error {
	if _, err := m.Image(ctx, name); err != nil {
		return err
	}
	if m.Export != nil {
		return m.Export(w)
	}
	if _, err := io.WriteString(w, "archive of "+name); err != nil {
		return err
	}
	if name == "half" {
		return io.ErrClosedPipe
	}
	return nil
}

// ImportImage implements server.Engine.
func (m *Engine) ImportImage(_ context.Context, r io.Reader, report func(engine.Progress)) (engine.ImageStatus, error) {
	report(engine.Progress{Step: "unpack", Index: 1, Total: 2})
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return engine.ImageStatus{}, err
	}
	return engine.ImageStatus{Image: image.Image{Name: "imported", SizeBytes: n}}, nil
}

// Events implements server.Engine.
func (m *Engine) Events(ctx context.Context, n int, follow bool, each func(event.Event) error) error {
	if follow {
		return m.Happened.Follow(ctx, n, each)
	}
	return m.Happened.Last(n, each)
}
