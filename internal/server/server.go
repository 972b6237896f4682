// Package server is the HTTP API of logisd: it decodes a request, checks that its caller may ask for it, calls the engine
// and encodes the answer. It decides nothing about sites and touches no driver. The registrations in register are the one
// route table; the OpenAPI document at /openapi.json is made from them.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
)

const (
	idleTimeout = 2 * time.Minute // between two requests of one connection
	graceTime   = 5 * time.Second // for requests that run when Serve is told to end
	readTime    = time.Minute     // that a route which only looks has, unless it says another
	maxHeader   = 64 << 10        // bytes
	maxBody     = 1 << 20         // bytes of a JSON body
	maxArchive  = 64 << 30        // bytes of an image's archive; what it holds is bounded by package image
)

// Options of New.
type Options struct {
	Engine Engine
	Log    *slog.Logger
	Group  int // whose members may ask, as root may: of the socket; 0: root alone
	Limits Limits
}

// Server answers the API's requests. Make it with New.
type Server struct {
	engine  Engine
	log     *slog.Logger
	rare    *rare
	group   int
	limits  Limits
	quota   *quota
	mux     *http.ServeMux
	streams streams
}

// New returns a Server with all routes registered.
func New(opts Options) *Server {
	limits := opts.Limits.withDefaults()
	s := &Server{
		engine: opts.Engine, log: opts.Log, rare: &rare{log: opts.Log}, group: opts.Group,
		limits: limits, quota: newQuota(limits), mux: http.NewServeMux(),
	}
	routes := humago.New(s.mux, humaConfig())
	s.register(routes)
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // huma's, which no route answers with
		delete(routes.OpenAPI().Components.Schemas.Map(), unused)
	}

	// Made once and before the first request: huma's own handler makes it lazily and without a lock.
	document, err := json.Marshal(routes.OpenAPI())
	if err != nil {
		panic(fmt.Sprintf("encode the OpenAPI document: %v", err)) //nolint:forbidigo // the route table is wrong: no input leads here
	}
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document)
	})
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, newFailure(http.StatusNotFound, api.CodeFailed,
			fmt.Sprintf("no route %s %s: is logisd older than its client?", short(r.Method), short(r.URL.Path))))
	})
	return s
}

// humaConfig leaves out what huma adds by default: its documentation pages load scripts from elsewhere, and its "$schema"
// links would change the JSON of the contract.
func humaConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "logis", Version: api.Version,
				Description: "HTTP and JSON over the unix socket of logisd. Every answer that is not a success is an Error.",
			},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		},
		Formats:       huma.DefaultFormats,
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{noteOutcome, asAPIError},
	}
}

// Serve answers on l until ctx is done, and closes l. Then exec and log streams are closed, other requests get a few
// seconds, and what still runs after that has its context cancelled. Serve returns when the last handler has: an error
// only if l failed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	hs := &http.Server{
		Handler:           http.HandlerFunc(s.front),
		ReadHeaderTimeout: s.limits.Header,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withConn,
		ConnState:         s.streams.connState,
		ErrorLog:          log.New(s.rare, "", 0),
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(&doorman{l, s}) }()

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	s.streams.closeAll()
	if ctx.Err() != nil {
		grace, done := context.WithTimeout(base, graceTime)
		_ = hs.Shutdown(grace) // an error says that some still run: they are cancelled next
		done()
		err = <-served
	}
	cancel()
	_ = hs.Close() // ends handlers that read a body
	s.streams.wait()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the API: %w", err)
	}
	return nil
}
