package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/site"
)

// failure is an api.Error on its way out, with its HTTP status. huma takes it as an error; asAPIError unwraps it.
type failure struct {
	status int
	body   api.Error
}

func (f *failure) Error() string  { return f.body.Message }
func (f *failure) GetStatus() int { return f.status }

// ContentType implements huma.ContentTypeFilter.
func (f *failure) ContentType(string) string { return api.ErrorType }

// fail turns an error of the engine into an answer. nil stays nil.
func fail(err error) error {
	if err == nil {
		return nil
	}
	return asFailure(err)
}

func asFailure(err error) *failure {
	var f *failure
	var not *engine.NotStartingError
	switch {
	case errors.As(err, &not):
		f = newFailure(http.StatusInternalServerError, api.CodeFailed, err.Error())
		f.body.Log = not.Log
		return f
	case errors.As(err, &f):
		return f
	case errors.Is(err, site.ErrNotFound):
		return newFailure(http.StatusNotFound, api.CodeNotFound, err.Error())
	case errors.Is(err, site.ErrAbsent):
		return newFailure(http.StatusNotFound, api.CodeNotFound, reason(err, site.ErrAbsent))
	case errors.Is(err, site.ErrConflict):
		return newFailure(http.StatusConflict, api.CodeConflict, reason(err, site.ErrConflict))
	case errors.Is(err, site.ErrInvalid):
		return invalid(reason(err, site.ErrInvalid))
	case errors.Is(err, site.ErrExhausted):
		return newFailure(http.StatusServiceUnavailable, api.CodeFailed, reason(err, site.ErrExhausted))
	case errors.Is(err, engine.ErrNotUndone):
		return newFailure(http.StatusInternalServerError, api.CodeFailed, err.Error())
	case errors.Is(err, context.Canceled):
		// Seen by a client that waits for the end of what it has cancelled, and by every client when logisd ends.
		return newFailure(http.StatusServiceUnavailable, api.CodeCancelled, "cancelled: "+err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return newFailure(http.StatusServiceUnavailable, api.CodeFailed, "not done in time: "+err.Error())
	}
	return newFailure(http.StatusInternalServerError, api.CodeFailed, err.Error())
}

// reason leaves out the sentinel's own word in front: the code says it.
func reason(err, sentinel error) string {
	return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
}

func newFailure(status int, code, message string) *failure {
	return &failure{status, problem(status, code, message)}
}

// explained is where docs/api.md says more of a code.
const explained = "https://github.com/logis-project/logis/blob/main/docs/api.md#error-"

// problem writes an error as problem details, RFC 9457.
func problem(status int, code, message string) api.Error {
	return api.Error{Type: explained + code, Title: titleOf(code), Status: status, Detail: message, Code: code, Message: message}
}

func titleOf(code string) string {
	switch code {
	case api.CodeCancelled:
		return "It was cancelled"
	case api.CodeInvalid:
		return "The request is wrong"
	case api.CodeNotFound:
		return "There is no such thing"
	case api.CodeConflict:
		return "Something is in the way"
	}
	return "It could not be done"
}

func invalid(message string) *failure {
	return newFailure(http.StatusUnprocessableEntity, api.CodeInvalid, message)
}

// asAPIError is the huma transformer that gives every error the body of the contract: those of this package and those
// that huma makes itself for a request that does not fit the route.
func asAPIError(_ huma.Context, _ string, v any) (any, error) {
	switch e := v.(type) {
	case *failure:
		return &e.body, nil
	case *huma.ErrorModel:
		code := api.CodeInvalid
		if e.Status >= http.StatusInternalServerError || e.Status == http.StatusRequestTimeout {
			code = api.CodeFailed
		}
		p := problem(e.Status, code, describe(e))
		return &p, nil
	}
	return v, nil
}

// describe puts huma's title and details on one line, without the values: they can be a whole body.
func describe(e *huma.ErrorModel) string {
	var b strings.Builder
	b.WriteString(e.Detail)
	sep := ": "
	for _, d := range e.Errors {
		if d == nil {
			continue
		}
		b.WriteString(sep + d.Message)
		if d.Location != "" {
			b.WriteString(" (" + d.Location + ")")
		}
		sep = "; "
	}
	return b.String()
}

// writeError answers outside of huma: for unknown routes and for streams that fail before their first byte.
func writeError(w http.ResponseWriter, f *failure) {
	w.Header().Set("Content-Type", api.ErrorType)
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(f.body)
}
