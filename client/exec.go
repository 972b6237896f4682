package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/frame"
)

// Session is a command that runs in a site. Its writing methods may be called while Wait runs, and from several
// goroutines.
type Session struct {
	conn net.Conn
	in   io.Reader
	out  *frame.Writer
	stop func() bool
}

// StartError says why a command could not be started, with the status that a shell would give it: 127 for a program that
// is not there, else 126. Both come from inside the site.
type StartError struct {
	Text   string
	Status int
}

func (e *StartError) Error() string { return e.Text }

// Exec starts a command. Cancelling ctx closes the session, at any time.
func (c *Client) Exec(ctx context.Context, name string, req api.ExecRequest) (*Session, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, requestError(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	s, err := upgrade(conn, name, req)
	if err != nil {
		stop()
		_ = conn.Close()
		var answer *api.Error
		if ctx.Err() == nil && errors.As(err, &answer) {
			return nil, answer
		}
		return nil, requestError(ctx, err)
	}
	s.stop = stop
	return s, nil
}

// upgrade sends the request by hand: net/http's client hands over a connection that cannot be half closed.
func upgrade(conn net.Conn, name string, body api.ExecRequest) (*Session, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+host+sitePath(name)+"/exec", bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", api.ExecProtocol)
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		return nil, errorOf(resp)
	}
	return &Session{conn: conn, in: in, out: frame.NewWriter(conn)}, nil
}

// Write sends p to the command's standard input.
func (s *Session) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // an empty frame would be the end of file
	}
	if err := s.out.Write(frame.Stdin, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseStdin ends the command's standard input.
func (s *Session) CloseStdin() error { return s.out.Write(frame.Stdin, nil) }

// Resize tells the command's terminal its size.
func (s *Session) Resize(rows, cols uint16) error {
	return s.out.Write(frame.Resize, frame.ResizePayload(rows, cols))
}

// Signal sends a signal to the command.
func (s *Session) Signal(n syscall.Signal) error { return s.out.Write(frame.Signal, []byte{byte(n)}) }

// Wait copies the command's output until it ends and returns its exit status, 128+n for signal n. With a terminal, all
// output is stdout. A command that could not be started is a *StartError.
func (s *Session) Wait(stdout, stderr io.Writer) (status int, err error) {
	var unstarted *StartError
	for {
		t, p, err := frame.Read(s.in)
		if err != nil {
			return 0, streamError(context.Background(), err)
		}
		switch t {
		case frame.Stdout:
			_, err = stdout.Write(p)
		case frame.Stderr:
			_, err = stderr.Write(p)
		case frame.Exit:
			if len(p) != 1 {
				return 0, errors.New("the site sent an exit status that is none")
			}
			if unstarted != nil {
				unstarted.Status = int(p[0])
				return 0, unstarted
			}
			return int(p[0]), nil
		case frame.Error:
			unstarted = &StartError{Text: string(p)}
		default:
			return 0, fmt.Errorf("the site sent a frame of unknown type %q", byte(t))
		}
		if err != nil {
			return 0, fmt.Errorf("write output: %w", err)
		}
	}
}

// Close ends the session; a command that still runs is hung up.
func (s *Session) Close() error {
	s.stop()
	return s.conn.Close()
}
