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
	"time"

	"github.com/logis-project/logis/api"
)

// ErrStillEnding says of cancelled work that logisd has not said yet that it has ended.
var ErrStillEnding = errors.New("logisd is still ending it")

// endTime is what logisd gets to end cancelled work.
const endTime = 30 * time.Second

// upload is the body of a request that is answered by a stream; without a type there is none.
type upload struct {
	contentType string
	r           io.Reader
	size        int64 // -1 is unknown
}

// asJSON is an upload of a value.
func asJSON(v any) (upload, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return upload{}, fmt.Errorf("encode request: %w", err)
	}
	return upload{"application/json", bytes.NewReader(data), int64(len(data))}, nil
}

// toTheEnd posts a body and calls next for each element of the answer until it says that this was the last one.
// Cancelling ctx ends the work: toTheEnd then returns when logisd has taken away what there was of it.
func (c *Client) toTheEnd(ctx context.Context, path string, body upload, next func(*json.Decoder) (last bool, err error)) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return requestError(ctx, err)
	}
	defer conn.Close()
	// A half-closed connection cancels the request at the server and still brings its answer, which net/http's client
	// would not wait for.
	leave := func() {
		_ = conn.SetReadDeadline(time.Now().Add(endTime))
		if half, ok := conn.(*net.UnixConn); ok {
			_ = half.CloseWrite()
		}
	}
	stop := context.AfterFunc(ctx, leave)
	defer stop()
	err = post(conn, path, body, leave, next)
	var answer *api.Error
	var unread *readError
	switch {
	case err == nil || ctx.Err() == nil && (errors.As(err, &answer) || errors.As(err, &unread)):
		return err
	case ctx.Err() == nil:
		return streamError(ctx, err)
	case !errors.As(err, &answer):
		return fmt.Errorf("%w: %w", ctx.Err(), ErrStillEnding)
	case answer.Code == api.CodeCancelled:
		return ctx.Err()
	}
	return answer // it failed by itself, or not all of it is undone
}

// readError says that it was the body's reader that failed.
type readError struct{ error }

func (e *readError) Error() string { return "read the body: " + e.error.Error() }
func (e *readError) Unwrap() error { return e.error }

// source keeps the error of a reader.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = &readError{err}
	}
	return n, err
}

// post sends the request and reads the answer at the same time: progress comes while the body is still being sent. A body that
// cannot be read makes it leave.
func post(conn net.Conn, path string, body upload, leave func(), next func(*json.Decoder) (bool, error)) error {
	in := &source{Reader: body.r}
	req, err := http.NewRequest(http.MethodPost, "http://"+host+path, in)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.ContentLength = body.size
	if body.contentType == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", body.contentType)
	}
	req.Header.Set("Accept", api.StreamType)
	// It ends with the connection, or with the Read of the body that goes on then: of a terminal, say, that is not ours to end.
	sent := make(chan error, 1)
	go func() {
		err := req.Write(conn)
		sent <- in.err // before what leaving is answered with
		if err != nil {
			leave()
		}
	}()
	err = answerOf(conn, req, next)
	if err == nil {
		return nil
	}
	select {
	case unread := <-sent:
		if unread != nil {
			return unread
		}
	default:
	}
	return err
}

// answerOf calls next for each element of the answer.
func answerOf(conn net.Conn, req *http.Request, next func(*json.Decoder) (bool, error)) error {
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return errorOf(resp)
	}
	dec := json.NewDecoder(resp.Body)
	for {
		if last, err := next(dec); last || err != nil {
			return err
		}
	}
}
