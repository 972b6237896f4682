package server

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/guest/control"
)

// execProtocol is the name in the Upgrade header: frames of package frame, unread by logisd.
const execProtocol = "logis-exec"

type execInput struct {
	Name    string `path:"name" maxLength:"64"`
	Upgrade string `header:"Upgrade" doc:"logis-exec"`
	Body    api.ExecRequest
}

func (s *Server) execSite(ctx context.Context, in *execInput) (*huma.StreamResponse, error) {
	if in.Upgrade != execProtocol {
		return nil, newFailure(http.StatusUpgradeRequired, api.CodeInvalid, "exec needs the headers Connection: Upgrade and Upgrade: "+execProtocol)
	}
	if len(in.Body.Command) == 0 && !in.Body.Login {
		return nil, invalid("no command given")
	}
	req := in.Body
	inside, err := s.engine.Exec(ctx, in.Name, control.Exec{
		Command: req.Command, User: req.User, Login: req.Login, TTY: req.TTY, Rows: req.Rows, Cols: req.Cols, Term: req.Term,
	})
	if err != nil {
		return nil, fail(err)
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer inside.Close()
		_, w := humago.Unwrap(hctx)
		done := s.streams.add(inside)
		defer done()
		outside, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			writeError(w, asFailure(err))
			return
		}
		defer outside.Close()
		_, err = io.WriteString(outside, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+execProtocol+"\r\n\r\n")
		if err == nil {
			splice(outside, buffered, inside)
		}
	}}, nil
}

// splice copies both ways until the site's side has said all. The client's end of file is passed on and does not end the
// session: PID 1 decides what it means to the command. A client that is gone altogether shows when writing to it fails.
func splice(outside net.Conn, fromOutside io.Reader, inside net.Conn) {
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		if _, err := io.Copy(inside, fromOutside); err == nil {
			if half, ok := inside.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
				return
			}
		}
		_ = inside.Close()
	}()
	_, _ = io.Copy(outside, inside)
	_ = outside.Close() // ends the copy from the client
	_ = inside.Close()
	<-copied
}
