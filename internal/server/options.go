package server

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
)

// The options of add: what the OpenAPI document says of a route beyond the types of its handler.

// status names the status of success.
func status(code int) func(*huma.Operation) {
	return func(op *huma.Operation) { op.DefaultStatus = code }
}

// streamOf documents an answer made of elements of T, one a line.
func streamOf[T any](a huma.API, contentType string) func(*huma.Operation) {
	schema := schemaOf[T](a)
	return func(op *huma.Operation) {
		op.Responses["200"] = &huma.Response{
			Description: "A stream of elements, one a line",
			Content:     map[string]*huma.MediaType{contentType: {Schema: schema}},
		}
	}
}

func takesArchive(op *huma.Operation) {
	op.RequestBody = &huma.RequestBody{Required: true, Content: archiveContent()}
}

func givesArchive(op *huma.Operation) {
	op.Responses["200"] = &huma.Response{Description: "The archive", Content: archiveContent()}
}

func archiveContent() map[string]*huma.MediaType {
	return map[string]*huma.MediaType{api.ArchiveType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}
}

func schemaOf[T any](a huma.API) *huma.Schema {
	t := reflect.TypeFor[T]()
	return a.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// refuse answers from a middleware, where no handler's return value reaches the client.
func refuse(ctx huma.Context, f *failure) {
	_, w := humago.Unwrap(ctx)
	writeError(w, f)
}
