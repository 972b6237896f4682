package server

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/event"
	"github.com/logis-project/logis/internal/guest/control"
	"github.com/logis-project/logis/internal/site"
)

// Engine is what the server calls; *engine.Engine is the one that logisd passes. Errors wrap the sentinels of package
// site, which become the API's codes.
type Engine interface {
	Sites
	Power
	Host
	Settings
	Domains
	Keys
	Consumption
	Sessions
	Images
	Archives
	Events
	Health
	Prover
}

// Sites are made, looked at and destroyed.
type Sites interface {
	Create(ctx context.Context, spec site.Spec, opts engine.CreateOptions) (site.Status, error)
	Destroy(ctx context.Context, name string) error
	List(ctx context.Context) ([]site.Status, error)
	Show(ctx context.Context, name string) (site.Status, error)
	Wait(ctx context.Context, name string, target site.State) (site.Status, error)
}

// Host acts on all sites at once, as the host boots and shuts down.
type Host interface {
	Up(ctx context.Context) (engine.BootReport, error)
	Down(ctx context.Context, budget time.Duration) (int, error)
}

// Sessions are connections into a running site. What arrives on them comes from inside the site.
type Sessions interface {
	Exec(ctx context.Context, name string, req control.Exec) (net.Conn, error)
	Logs(ctx context.Context, name string, req control.Logs) (net.Conn, error)
}

// Images are built, looked at and removed.
type Images interface {
	Images(ctx context.Context) ([]engine.ImageStatus, error)
	Image(ctx context.Context, name string) (engine.ImageStatus, error)
	RemoveImage(ctx context.Context, name string) error
	BuildImage(ctx context.Context, name string, report func(engine.Progress)) (engine.ImageStatus, error)
}

// Archives carry images between hosts.
type Archives interface {
	ExportImage(ctx context.Context, name string, w io.Writer) error
	ImportImage(ctx context.Context, r io.Reader, report func(engine.Progress)) (engine.ImageStatus, error)
}

// Events are what happened. What each returns ends it.
type Events interface {
	Events(ctx context.Context, n int, follow bool, each func(event.Event) error) error
}
