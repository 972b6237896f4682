package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/event"
)

type eventsInput struct {
	Lines  int  `query:"lines" minimum:"0" maximum:"10000" default:"100" doc:"how many of the last events"`
	Follow bool `query:"follow" doc:"go on with what comes"`
}

func (s *Server) events(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		done := s.streams.add(&closer{func() error { cancel(); return nil }}) // logisd ends: so does Follow
		defer done()

		_, w := humago.Unwrap(hctx)
		out := newLines(w)
		err := s.engine.Events(ctx, in.Lines, in.Follow, func(e event.Event) error { return out.write(eventOf(e)) })
		if err != nil && !errors.Is(err, context.Canceled) {
			// The client must not take it for the end.
			panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break off an answer
		}
	}}, nil
}

func eventOf(e event.Event) api.Event {
	return api.Event{Time: e.Time, Site: e.Site, Type: string(e.Type), Message: e.Message, Seconds: e.Seconds}
}
