package server

import (
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
)

// The options of add: what the OpenAPI document says of a route beyond the types of its handler.

// status names the status of success.
func status(code int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.DefaultStatus = code }
}

// orStream documents that a client which accepts it gets a stream of elements of T instead of B and a status of success.
func orStream[B, T any](a huma.API, status int) func(*huma.Operation) {
	body, element := schemaOf[B](a), schemaOf[T](a)
	stream := &huma.MediaType{Schema: element}
	return func(op *huma.Operation) {
		op.DefaultStatus = status
		plain := map[string]*huma.MediaType{"application/json": {Schema: body}}
		if status == http.StatusOK {
			plain[api.StreamType] = stream
		} else {
			op.Responses["200"] = &huma.Response{
				Description: "A stream of elements, one a line, where Accept names its type", Content: map[string]*huma.MediaType{api.StreamType: stream},
			}
		}
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: plain}
		op.Extensions["x-logis-streams"] = true
	}
}

// streamOf documents an answer made of elements of T, one a line.
func streamOf[T any](a huma.API) func(*huma.Operation) {
	schema := schemaOf[T](a)
	return func(op *huma.Operation) {
		goesOn(op)
		op.Responses["200"] = &huma.Response{
			Description: "A stream of elements, one a line",
			Content:     map[string]*huma.MediaType{api.StreamType: {Schema: schema}},
		}
	}
}

func takesArchive(op *huma.Operation) {
	goesOn(op)
	boundsOf(op).body = maxArchive
	op.RequestBody = &huma.RequestBody{Required: true, Content: archiveContent()}
}

func givesArchive(op *huma.Operation) {
	goesOn(op)
	op.Responses["200"] = &huma.Response{Description: "The archive", Content: archiveContent()}
}

func archiveContent() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{api.ArchiveType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
}

func schemaOf[T any](a huma.API) *huma.Schema {
	t := reflect.TypeFor[T]()
	return a.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// bounds are the limits of one route.
type bounds struct {
	body   int64         // bytes of a body that is no JSON
	time   time.Duration // that the engine has; 0: until it is done or the client leaves
	stream bool          // it goes on, and is counted with the streams
	pause  bool          // the client may leave the answer unread as long as it likes
}

// boundsKey is where an operation's Metadata has its bounds.
const boundsKey = "bounds"

func boundsOf(op *huma.Operation) *bounds {
	b, _ := op.Metadata[boundsKey].(*bounds) // add puts it there
	return b
}

// within says how long the engine has; 0 is no limit.
func within(d time.Duration) func(*huma.Operation) {
	return func(op *huma.Operation) { boundsOf(op).time = d }
}

// goesOn says that the request lasts as long as its client wants or its data takes.
func goesOn(op *huma.Operation) {
	b := boundsOf(op)
	b.stream, b.time = true, 0
}

// mayPause says that the client may leave the answer unread.
func mayPause(op *huma.Operation) { boundsOf(op).pause = true }

// describe writes the bounds into the OpenAPI document.
func (b *bounds) describe(extensions map[string]any) {
	if b.body > 0 {
		extensions["x-logis-body"] = b.body
	}
	if b.time > 0 {
		extensions["x-logis-seconds"] = b.time.Seconds()
	}
	if b.stream {
		extensions["x-logis-stream"] = true
	}
	if b.pause {
		extensions["x-logis-pause"] = true
	}
}

// refuse answers from a middleware, where no handler's return value reaches the client.
func refuse(ctx huma.Context, f *failure) {
	_, w := humago.Unwrap(ctx)
	writeError(w, f)
}
