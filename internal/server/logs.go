package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/guest/control"
)

type logsInput struct {
	Name    string `path:"name" maxLength:"255"`
	Service string `query:"service" maxLength:"255" doc:"empty is all services; proxy is what visitors asked logis-proxy for, which a stopped site has too"`
	Lines   int    `query:"lines" minimum:"0" maximum:"10000" default:"100" doc:"how many of the last lines"`
	Follow  bool   `query:"follow" doc:"go on with what comes"`
}

func (s *Server) siteLogs(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
	inside, err := s.engine.Logs(ctx, in.Name, control.Logs{Service: in.Service, Lines: in.Lines, Follow: in.Follow})
	if err != nil {
		return nil, fail(err)
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer inside.Close()
		done := s.streams.add(inside)
		defer done()
		stop := context.AfterFunc(ctx, func() { _ = inside.Close() }) // the client left: Read below ends
		defer stop()

		_, w := humago.Unwrap(hctx)
		out := newLines(w)
		for {
			var line control.LogLine
			err := control.Read(inside, &line)
			if errors.Is(err, io.EOF) || s.streams.ending() {
				return
			}
			if err != nil {
				// The site broke off or lied: the client must not take it for the end.
				panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break off an answer
			}
			at, _ := time.Parse(time.RFC3339Nano, line.Time) // the zero time where the site does not say
			if out.write(api.LogLine{Time: at, Service: line.Service, Text: line.Text}) != nil {
				return
			}
		}
	}}, nil
}

// lines writes newline-delimited JSON, each element flushed.
type lines struct {
	enc   *json.Encoder
	flush func() error
}

// newLines sends the headers at once: a client that follows may see its first element much later.
func newLines(w http.ResponseWriter) *lines {
	w.Header().Set("Content-Type", api.StreamType)
	w.WriteHeader(http.StatusOK)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	l := &lines{enc, http.NewResponseController(w).Flush}
	_ = l.flush()
	return l
}

func (l *lines) write(v any) error {
	if err := l.enc.Encode(v); err != nil {
		return err
	}
	return l.flush()
}
