package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/logis-project/logis/api"
)

// ErrStillEnding says of cancelled work that logisd has not said yet that it has ended.
var ErrStillEnding = errors.New("logisd is still ending it")

// endTime is what logisd gets to end cancelled work.
const endTime = 30 * time.Second

// toTheEnd posts in (nil is no body) and calls next for each element of the answer until it says that this was the last one.
// Cancelling ctx ends the work: toTheEnd then returns when logisd has taken away what there was of it.
func (c *Client) toTheEnd(ctx context.Context, path string, in any, next func(*json.Decoder) (last bool, err error)) error {
	conn, err := c.dial(ctx)
	if err != nil {
		return requestError(ctx, err)
	}
	defer conn.Close()
	// A half-closed connection cancels the request at the server and still brings its answer, which net/http's client
	// would not wait for.
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetReadDeadline(time.Now().Add(endTime))
		if half, ok := conn.(*net.UnixConn); ok {
			_ = half.CloseWrite()
		}
	})
	defer stop()
	err = post(conn, path, in, next)
	var answer *api.Error
	switch {
	case err == nil || ctx.Err() == nil && errors.As(err, &answer):
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

func post(conn net.Conn, path string, in any, next func(*json.Decoder) (bool, error)) error {
	body := []byte{}
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+host+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := req.Write(conn); err != nil {
		return err
	}
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
