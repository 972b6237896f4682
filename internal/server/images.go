package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/engine"
)

type imageOutput struct{ Body api.Image }

type imagesOutput struct{ Body []api.Image }

// importInput hands the body on unread: an archive is hundreds of megabytes.
type importInput struct {
	archive io.Reader
	body    *body // below archive; nil where there is none
	length  int64 // that the client says; -1 where it does not
}

// Resolve implements huma.Resolver.
func (in *importInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.archive = http.MaxBytesReader(w, r.Body, maxArchive)
	in.body, _ = r.Body.(*body)
	in.length = r.ContentLength
	return nil
}

func (s *Server) listImages(ctx context.Context, _ *none) (*imagesOutput, error) {
	all, err := s.engine.Images(ctx)
	if err != nil {
		return nil, fail(err)
	}
	out := make([]api.Image, 0, len(all))
	for _, st := range all {
		out = append(out, imageOf(st))
	}
	return &imagesOutput{out}, nil
}

func (s *Server) showImage(ctx context.Context, in *named) (*imageOutput, error) {
	st, err := s.engine.Image(ctx, in.Name)
	if err != nil {
		return nil, fail(err)
	}
	return &imageOutput{imageOf(st)}, nil
}

func (s *Server) removeImage(ctx context.Context, in *named) (*struct{}, error) {
	return nil, fail(s.engine.RemoveImage(ctx, in.Name))
}

func (s *Server) importImage(ctx context.Context, in *importInput) (*huma.StreamResponse, error) {
	if in.length > maxArchive {
		return nil, newFailure(http.StatusRequestEntityTooLarge, api.CodeInvalid,
			fmt.Sprintf("the archive has %d bytes: %d are the most", in.length, int64(maxArchive)))
	}
	if in.body != nil {
		in.body.open(s.limits.Stall)
	}
	return streamingIfAsked(http.StatusOK, func(send func(api.Progress)) (api.Image, error) {
		m := &meter{r: in.archive, total: max(in.length, 0), send: send}
		defer m.end()
		st, err := s.engine.ImportImage(ctx, m, func(p engine.Progress) { m.step(progressOf(p)) })
		if err == nil || errors.Is(err, engine.ErrNotUndone) || in.body == nil {
			return imageOf(st), err
		}
		switch {
		case in.body.late:
			err = newFailure(http.StatusRequestTimeout, api.CodeFailed,
				fmt.Sprintf("the archive stalled: nothing of it came for %s: import it again", s.limits.Stall))
		case in.body.broken:
			err = newFailure(http.StatusBadRequest, api.CodeCancelled, "cancelled: the archive broke off: import it again")
		}
		return api.Image{}, err
	}, lastOfImage), nil
}

// buildImage answers 200 before it knows how the build ends: its last element says.
func (s *Server) buildImage(ctx context.Context, in *named) (*huma.StreamResponse, error) {
	return streaming(func(send func(api.Progress)) (api.Image, error) {
		st, err := s.engine.BuildImage(ctx, in.Name, func(p engine.Progress) { send(progressOf(p)) })
		return imageOf(st), err
	}, lastOfImage), nil
}

func progressOf(p engine.Progress) api.Progress {
	return api.Progress{Step: p.Step, Index: p.Index, Total: p.Total, Detail: p.Detail}
}

func lastOfImage(made *api.Image, err *api.Error) api.Progress {
	return api.Progress{Done: made, Error: err}
}

func (s *Server) exportImage(ctx context.Context, in *named) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		_, w := humago.Unwrap(hctx)
		out := &archiveWriter{w: w}
		err := s.engine.ExportImage(ctx, in.Name, out)
		switch {
		case err == nil:
		case !out.begun:
			f := asFailure(err)
			noteError(hctx, f)
			writeError(w, f)
		default:
			s.log.Warn("image export broke off", "image", in.Name, "error", err)
			// So that the client does not take half an archive for a whole one.
			panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break off an answer
		}
	}}, nil
}

// archiveWriter sets the content type with the first byte, until when an error can still be answered.
type archiveWriter struct {
	w     http.ResponseWriter
	begun bool
}

func (a *archiveWriter) Write(p []byte) (int, error) {
	if !a.begun {
		a.begun = true
		a.w.Header().Set("Content-Type", api.ArchiveType)
	}
	return a.w.Write(p)
}
