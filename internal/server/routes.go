package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
)

// register is the route table.
func (s *Server) register(a huma.API) {
	add(s, a, read, "GET", "/v1/version", "version", "Version of the daemon", version)
	add(s, a, read, "GET", "/v1/events", "events", "What happened, oldest first", s.events,
		streamOf[api.Event](a), mayPause)

	add(s, a, read, "GET", "/v1/stats", "stats", "What sites use, and may use", s.stats)

	add(s, a, read, "GET", "/v1/sites", "list-sites", "All sites, by name", s.listSites)
	add(s, a, write, "POST", "/v1/sites", "create-site", "Create a site; a client that leaves cancels it", s.createSite,
		orStream[api.Site, api.SiteProgress](a, http.StatusCreated))
	add(s, a, read, "GET", "/v1/sites/{name}", "show-site", "One site", s.showSite)
	add(s, a, write, "DELETE", "/v1/sites/{name}", "destroy-site", "Destroy a site and everything in it", s.destroySite)
	add(s, a, write, "PATCH", "/v1/sites/{name}", "set-site", "Change limits and priority of a site", s.setSite)
	add(s, a, write, "POST", "/v1/sites/{name}/domains", "add-domain", "Give a site a further domain, at once; one that it has changes nothing", s.addDomain)
	add(s, a, write, "DELETE", "/v1/sites/{name}/domains", "remove-domain", "Take a domain from a site, at once", s.removeDomain)
	add(s, a, read, "GET", "/v1/sites/{name}/keys", "list-keys", "The ssh keys that let the owner in", s.listKeys)
	add(s, a, write, "POST", "/v1/sites/{name}/keys", "add-keys", "Give a site ssh keys, at once; those that it has change nothing", s.addKeys)
	add(s, a, write, "DELETE", "/v1/sites/{name}/keys", "remove-keys", "Take ssh keys from a site, at once", s.removeKeys)
	add(s, a, write, "POST", "/v1/sites/{name}/start", "start-site", "Start a site", s.startSite)
	add(s, a, write, "POST", "/v1/sites/{name}/stop", "stop-site", "Stop a site", s.stopSite)
	add(s, a, write, "POST", "/v1/sites/{name}/restart", "restart-site", "Stop and start a site", s.restartSite)
	add(s, a, write, "POST", "/v1/sites/start", "start-sites", "Start sites; the last element has end", s.several(engine.PowerStart),
		streamOf[api.SiteProgress](a))
	add(s, a, write, "POST", "/v1/sites/stop", "stop-sites", "Stop sites; the last element has end", s.several(engine.PowerStop),
		streamOf[api.SiteProgress](a))
	add(s, a, write, "POST", "/v1/sites/restart", "restart-sites", "Stop and start sites; the last element has end", s.several(engine.PowerRestart),
		streamOf[api.SiteProgress](a))
	add(s, a, read, "GET", "/v1/sites/{name}/wait", "wait-site", "Answer when the site is ready or stopped", s.waitSite, within(0))
	add(s, a, write, "POST", "/v1/sites/{name}/exec", "exec-site", "Run a command in a site: after 101 both sides speak frames", s.execSite,
		status(http.StatusSwitchingProtocols), goesOn, mayPause)
	add(s, a, read, "GET", "/v1/sites/{name}/logs", "site-logs", "Output of the site's services", s.siteLogs,
		streamOf[api.LogLine](a), mayPause)

	add(s, a, write, "POST", "/v1/host/up", "up", "Start the sites that should run; answer when each has been tried", s.up)
	add(s, a, write, "POST", "/v1/host/down", "down", "Stop every site until up or the next boot of the host", s.down)

	add(s, a, read, "GET", "/v1/doctor", "doctor", "Requirements, and the host compared with the records", s.doctor, within(5*time.Minute))
	add(s, a, write, "POST", "/v1/doctor/fix", "doctor-fix", "Mend what is safe to mend, and say what was found", s.doctorFix)
	add(s, a, write, "POST", "/v1/doctor/prove", "doctor-prove", "Try from inside a site what must not work; the last element has done or error",
		s.doctorProve, streamOf[api.ProofElement](a))

	add(s, a, read, "GET", "/v1/images", "list-images", "All images, by name", s.listImages)
	add(s, a, write, "POST", "/v1/images/import", "import-image", "Make an image from an exported archive", s.importImage, takesArchive,
		orStream[api.Image, api.Progress](a, http.StatusOK))
	add(s, a, read, "GET", "/v1/images/{name}", "show-image", "One image", s.showImage)
	add(s, a, write, "DELETE", "/v1/images/{name}", "remove-image", "Remove an image that no site uses", s.removeImage)
	add(s, a, write, "POST", "/v1/images/{name}/build", "build-image", "Build an image; the last element has done or error", s.buildImage,
		streamOf[api.Progress](a))
	add(s, a, read, "GET", "/v1/images/{name}/export", "export-image", "The image as one tar.zst", s.exportImage, givesArchive)
}

// add registers one route with the right that it asks for; the options say more, limits among it.
func add[I, O any](s *Server, a huma.API, r right, method, path, id, summary string,
	handler func(context.Context, *I) (*O, error), options ...func(*huma.Operation),
) {
	b := &bounds{}
	if r == read {
		b.time = readTime
	}
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		MaxBodyBytes: maxBody,
		// No deadline for the body of huma's: it would leave it on the connection. See body.
		BodyReadTimeout: -1,
		Metadata:        map[string]any{boundsKey: b},
		Extensions:      map[string]any{"x-logis-right": string(r)},
		Middlewares:     huma.Middlewares{s.guard(r, b)},
		// Said here, huma does not document its own error model.
		Responses: map[string]*huma.Response{"default": errorResponse(a)},
	}
	for _, o := range options {
		o(&op)
	}
	b.describe(op.Extensions)
	huma.Register(a, op, handler)
}

func errorResponse(a huma.API) *huma.Response {
	return &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{
		api.ErrorType: {Schema: schemaOf[api.Error](a)},
	}}
}
