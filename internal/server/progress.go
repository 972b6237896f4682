package server

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
)

// The two ways to answer a request that takes long: by what came of it, or by a stream of elements E whose last one says
// that. The status of the latter is sent before the outcome is known, and is always 200.

// work does what was asked for. send may be called from any goroutine.
type work[E, B any] func(send func(E)) (B, error)

// last makes the last element of a stream: one of the two is nil.
type last[E, B any] func(*B, *api.Error) E

// streaming answers with a stream.
func streaming[E, B any](do work[E, B], end last[E, B]) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) { stream(ctx, do, end) }}
}

// streamingIfAsked answers with a stream whoever accepts one, and others with the outcome and the status of success.
func streamingIfAsked[E, B any](status int, do work[E, B], end last[E, B]) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		if acceptsStream(ctx.Header("Accept")) {
			stream(ctx, do, end)
			return
		}
		body, err := do(func(E) {})
		if err != nil {
			f := asFailure(err)
			noteError(ctx, f)
			writeBody(ctx, f.status, api.ErrorType, f.body)
			return
		}
		writeBody(ctx, status, "application/json", body)
	}}
}

func stream[E, B any](ctx huma.Context, do work[E, B], end last[E, B]) {
	_, w := humago.Unwrap(ctx)
	// So that progress is told while a body still comes; without a body, or on HTTP/2, there is no need.
	_ = http.NewResponseController(w).EnableFullDuplex()
	var mu sync.Mutex
	out := newLines(w)
	send := func(e E) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.write(e) // a client that has left cancels the request
	}
	body, err := do(send)
	if err != nil {
		f := asFailure(err)
		noteError(ctx, f)
		send(end(nil, &f.body))
		return
	}
	send(end(&body, nil))
}

// acceptsStream tells whether a client names the type of streams: RFC 9110, section 12.5.1. Whoever takes anything is served
// the plain answer.
func acceptsStream(accept string) bool {
	for one := range strings.SplitSeq(accept, ",") {
		if t, params, err := mime.ParseMediaType(one); err == nil && t == api.StreamType && params["q"] != "0" {
			return true
		}
	}
	return false
}

// writeBody answers outside of huma, so that the log knows the status.
func writeBody(ctx huma.Context, status int, contentType string, body any) {
	ctx.SetHeader("Content-Type", contentType)
	ctx.SetStatus(status)
	enc := json.NewEncoder(ctx.BodyWriter())
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // a client that has left
}
