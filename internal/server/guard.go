package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/logis-project/logis/api"
)

// front is what every request passes first, those of no route too.
func (s *Server) front(w http.ResponseWriter, r *http.Request) {
	out := &answered{ResponseWriter: w}
	defer s.rescue(out, r)
	c := connFrom(r.Context())
	if r.ContentLength != 0 {
		r = r.WithContext(r.Context()) // a copy: net/http treats a body of its own better than this
		r.Body = newBody(w, r, s.limits.Body)
	}
	var p *peer
	if c != nil {
		c.hurry(s.limits.Stall) // the last request on it may have had leave to pause
		p = c.peer
	}
	if err := allow(p, s.group, read); err != nil {
		s.turnAway(out, newFailure(http.StatusForbidden, api.CodeFailed, err.Error()))
		return
	}
	if c.over {
		s.turnAway(out, tooMany("connections", p.uid))
		return
	}
	if r.RequestURI == "*" { // which the mux would answer with no body
		writeError(out, newFailure(http.StatusBadRequest, api.CodeInvalid, "a request of the whole server makes no sense here"))
		return
	}
	s.mux.ServeHTTP(out, r)
}

// turnAway refuses who has no business here, and has the connection closed.
func (s *Server) turnAway(w http.ResponseWriter, f *failure) {
	s.rare.warn("request refused", "error", f)
	w.Header().Set("Connection", "close")
	writeError(w, f)
}

func tooMany(what string, uid uint32) *failure {
	return newFailure(http.StatusTooManyRequests, api.CodeFailed,
		fmt.Sprintf("too many %s at once for user %d: try again when some have ended", what, uid))
}

// answered is a ResponseWriter that knows whether the answer has begun.
type answered struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements http.ResponseWriter.
func (a *answered) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answered) Write(p []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (a *answered) Unwrap() http.ResponseWriter {
	a.begun = true // whoever goes through may flush or hijack
	return a.ResponseWriter
}

// rescue ends one request whose handler panicked, and no other.
func (s *Server) rescue(w *answered, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v) //nolint:forbidigo // net/http's own way to break off an answer
	}
	s.rare.error("a request panicked: this is a bug of logisd", "method", short(r.Method), "path", short(r.URL.Path),
		"panic", short(fmt.Sprint(v)), "stack", string(debug.Stack()))
	if w.begun {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break off an answer
	}
	writeError(w, newFailure(http.StatusInternalServerError, api.CodeFailed,
		"logisd met a bug of its own; its log says more (journalctl -u logis)"))
}

// guard refuses callers without the right or with too much at work, bounds the time of those it lets through, and leaves a
// line in the log of who changed what.
func (s *Server) guard(r right, b *bounds) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := connFrom(ctx.Context()) // not nil: front let it through
		p := c.peer
		if err := allow(p, s.group, r); err != nil {
			s.rare.warn("request refused", "route", ctx.Operation().OperationID, "error", err)
			refuse(ctx, newFailure(http.StatusForbidden, api.CodeFailed, err.Error()))
			return
		}
		k, what := calls, "requests"
		if b.stream {
			k, what = streamed, "streams"
		}
		if !s.quota.take(k, p.uid) {
			f := tooMany(what, p.uid)
			s.rare.warn("request refused", "route", ctx.Operation().OperationID, "error", f)
			refuse(ctx, f)
			return
		}
		defer s.quota.give(k, p.uid)
		if b.pause {
			c.hurry(0)
		}
		if b.time > 0 {
			limited, cancel := context.WithTimeout(ctx.Context(), b.time)
			defer cancel()
			ctx = huma.WithContext(ctx, limited)
		}
		s.note(ctx, r, p, next)
	}
}

// note calls next, and leaves a line in the log where that may have changed something.
func (s *Server) note(ctx huma.Context, r right, p *peer, next func(huma.Context)) {
	start := time.Now()
	var o outcome
	next(huma.WithValue(ctx, outcomeKey{}, &o))
	if r != write {
		return
	}
	args := []any{
		"route", ctx.Operation().OperationID, "name", short(ctx.Param("name")),
		"uid", p.uid, "pid", p.pid, "status", ctx.Status(), "took", time.Since(start),
	}
	if o.err != nil {
		args = append(args, "error", short(o.err.Error()))
	}
	s.log.Info("request", args...)
}

// outcome is why a request was not done, for the log: the caller may be gone, or not say what it was told.
type (
	outcome    struct{ err error }
	outcomeKey struct{}
)

// noteOutcome is the huma transformer that keeps the error of an answer for note.
func noteOutcome(ctx huma.Context, _ string, v any) (any, error) {
	if err, ok := v.(error); ok {
		noteError(ctx, err)
	}
	return v, nil
}

// noteError keeps why a request was not done for note.
func noteError(ctx huma.Context, err error) {
	if o, ok := ctx.Context().Value(outcomeKey{}).(*outcome); ok {
		o.err = err
	}
}
