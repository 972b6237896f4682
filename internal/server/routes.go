package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/logis-project/logis/api"
)

// register is the route table.
func (s *Server) register(a huma.API) {
	add(s, a, read, "GET", "/v1/version", "version", "Version of the daemon", version)
	add(s, a, read, "GET", "/v1/events", "events", "What happened, oldest first", s.events,
		streamOf[api.Event](a, "application/x-ndjson"))

	add(s, a, read, "GET", "/v1/stats", "stats", "What sites use, and may use", s.stats)

	add(s, a, read, "GET", "/v1/sites", "list-sites", "All sites, by name", s.listSites)
	add(s, a, write, "POST", "/v1/sites", "create-site", "Create a site; a client that leaves cancels it", s.createSite, status(http.StatusCreated))
	add(s, a, read, "GET", "/v1/sites/{name}", "show-site", "One site", s.showSite)
	add(s, a, write, "DELETE", "/v1/sites/{name}", "destroy-site", "Destroy a site and everything in it", s.destroySite)
	add(s, a, write, "PATCH", "/v1/sites/{name}", "set-site", "Change limits and priority of a site", s.setSite)
	add(s, a, write, "POST", "/v1/sites/{name}/start", "start-site", "Start a site", s.startSite)
	add(s, a, write, "POST", "/v1/sites/{name}/stop", "stop-site", "Stop a site", s.stopSite)
	add(s, a, write, "POST", "/v1/sites/{name}/restart", "restart-site", "Stop and start a site", s.restartSite)
	add(s, a, read, "GET", "/v1/sites/{name}/wait", "wait-site", "Answer when the site is ready or stopped", s.waitSite)
	add(s, a, write, "POST", "/v1/sites/{name}/exec", "exec-site", "Run a command in a site: after 101 both sides speak frames", s.execSite,
		status(http.StatusSwitchingProtocols))
	add(s, a, read, "GET", "/v1/sites/{name}/logs", "site-logs", "Output of the site's services", s.siteLogs,
		streamOf[api.LogLine](a, "application/x-ndjson"))

	add(s, a, write, "POST", "/v1/host/up", "up", "Start the sites that should run; answer when each has been tried", s.up)
	add(s, a, write, "POST", "/v1/host/down", "down", "Stop every site until up or the next boot of the host", s.down)

	add(s, a, read, "GET", "/v1/doctor", "doctor", "Requirements, and the host compared with the records", s.doctor)
	add(s, a, write, "POST", "/v1/doctor/fix", "doctor-fix", "Mend what is safe to mend, and say what was found", s.doctorFix)
	add(s, a, write, "POST", "/v1/doctor/prove", "doctor-prove", "Try from inside a site what must not work; the last element has done or error",
		s.doctorProve, streamOf[api.ProofElement](a, "application/x-ndjson"))

	add(s, a, read, "GET", "/v1/images", "list-images", "All images, by name", s.listImages)
	add(s, a, write, "POST", "/v1/images/import", "import-image", "Make an image from an exported archive", s.importImage, takesArchive)
	add(s, a, read, "GET", "/v1/images/{name}", "show-image", "One image", s.showImage)
	add(s, a, write, "DELETE", "/v1/images/{name}", "remove-image", "Remove an image that no site uses", s.removeImage)
	add(s, a, write, "POST", "/v1/images/{name}/build", "build-image", "Build an image; the last element has done or error", s.buildImage,
		streamOf[api.Progress](a, "application/x-ndjson"))
	add(s, a, read, "GET", "/v1/images/{name}/export", "export-image", "The image as one tar.zst", s.exportImage, givesArchive)
}

// add registers one route with the right that it asks for.
func add[I, O any](s *Server, a huma.API, r right, method, path, id, summary string,
	handler func(context.Context, *I) (*O, error), options ...func(*huma.Operation),
) {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		MaxBodyBytes: maxBody,
		// No deadline for the body: huma would leave it on the connection, and net/http would take its end, minutes
		// later, for a client that has left.
		BodyReadTimeout: -1,
		Extensions:      map[string]any{"x-logis-right": string(r)},
		Middlewares:     huma.Middlewares{s.guard(r)},
		// Said here, huma does not document its own error model.
		Responses: map[string]*huma.Response{"default": errorResponse(a)},
	}
	for _, o := range options {
		o(&op)
	}
	huma.Register(a, op, handler)
}

// guard refuses callers without the right, and leaves a line in the log of who changed what.
func (s *Server) guard(r right) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		p := peerFrom(ctx.Context())
		if err := allow(p, r); err != nil {
			s.log.Warn("request refused", "route", ctx.Operation().OperationID, "error", err)
			refuse(ctx, newFailure(http.StatusForbidden, api.CodeFailed, err.Error()))
			return
		}
		start := time.Now()
		var o outcome
		next(huma.WithValue(ctx, outcomeKey{}, &o))
		if r != write {
			return
		}
		args := []any{
			"route", ctx.Operation().OperationID, "name", ctx.Param("name"),
			"uid", p.uid, "pid", p.pid, "status", ctx.Status(), "took", time.Since(start),
		}
		if o.err != nil {
			args = append(args, "error", o.err)
		}
		s.log.Info("request", args...)
	}
}

// outcome is why a request was not done, for the log: the caller may be gone, or not say what it was told.
type (
	outcome    struct{ err error }
	outcomeKey struct{}
)

// noteOutcome is the huma transformer that keeps the error of an answer for guard.
func noteOutcome(ctx huma.Context, _ string, v any) (any, error) {
	if err, ok := v.(error); ok {
		if o, ok := ctx.Context().Value(outcomeKey{}).(*outcome); ok {
			o.err = err
		}
	}
	return v, nil
}

func errorResponse(a huma.API) *huma.Response {
	return &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{
		"application/json": {Schema: schemaOf[api.Error](a)},
	}}
}
