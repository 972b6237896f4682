package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sys/unix"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/guest/control"
)

type execInput struct {
	Name    string `path:"name" maxLength:"255"`
	Upgrade string `header:"Upgrade" doc:"logis-exec"`
	Body    api.ExecRequest
}

func (s *Server) execSite(ctx context.Context, in *execInput) (*huma.StreamResponse, error) {
	if in.Upgrade != api.ExecProtocol {
		return nil, newFailure(http.StatusUpgradeRequired, api.CodeInvalid, "exec needs the headers Connection: Upgrade and Upgrade: "+api.ExecProtocol)
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
		// When logisd ends, a client that does not read has a moment for the last words.
		unread := s.streams.add(&closer{func() error { return outside.SetWriteDeadline(time.Now().Add(lastWords)) }})
		defer unread()
		_, err = io.WriteString(outside, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+api.ExecProtocol+"\r\n\r\n")
		if err == nil {
			splice(outside, buffered, inside)
		}
	}}, nil
}

// splice copies both ways until the site's side has said all or the client is gone. A client that only half closes goes on
// reading: its end of file is passed on, and PID 1 decides what it means to the command.
func splice(outside net.Conn, fromOutside io.Reader, inside net.Conn) {
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(inside, fromOutside)
		// A failed write closes nothing yet: the site may have ended and its last words are still to be read.
		_ = shut(inside, unix.SHUT_WR)
		waitHangup(outside)
		_ = inside.Close() // hangs the command up if it still runs
	}()
	_, _ = io.Copy(outside, inside)
	_ = shut(outside, unix.SHUT_RDWR) // ends the copy from the client, or the wait for its hangup
	<-copied
}

// shut ends one direction of a connection, or both, at once and for whoever is reading.
func shut(c net.Conn, how int) error {
	err := errors.ErrUnsupported
	if ctlErr := withFD(c, func(fd int) { err = unix.Shutdown(fd, how) }); ctlErr != nil {
		return ctlErr
	}
	return err
}

// waitHangup returns when both directions of a unix socket have ended: the peer has closed it, or shut was called. A peer
// that has only half closed does not count: poll(2) reports POLLRDHUP for that, POLLHUP for this. It holds a thread, but
// only while a client is half closed.
func waitHangup(c net.Conn) {
	_ = withFD(c, func(fd int) {
		for {
			_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd)}}, -1) // POLLHUP needs no asking
			if !errors.Is(err, unix.EINTR) {
				return
			}
		}
	})
}

// withFD calls f with the connection's descriptor, which stays open until f returns.
func withFD(c net.Conn, f func(fd int)) error {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { f(int(fd)) })
}
