package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/logis-project/logis/api"
)

// ErrStillBuilding says of a cancelled build that logisd has not said yet that it has ended.
var ErrStillBuilding = errors.New("logisd is still ending the build")

// endTime is what logisd gets to end a cancelled build.
const endTime = 30 * time.Second

// BuildImage builds an image and calls report for every step and detail until it is done. Cancelling ctx ends the build:
// BuildImage then returns when logisd has taken away what there was of it, with ctx's error; that with ErrStillBuilding
// when this took longer than 30 seconds.
func (c *Client) BuildImage(ctx context.Context, name string, report func(api.Progress)) (api.Image, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		return api.Image{}, requestError(ctx, err)
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
	image, err := build(conn, name, report)
	var answer *api.Error
	switch {
	case err == nil || ctx.Err() == nil && errors.As(err, &answer):
		return image, err
	case ctx.Err() == nil:
		return image, streamError(ctx, err)
	case !errors.As(err, &answer):
		return image, fmt.Errorf("%w: %w", ctx.Err(), ErrStillBuilding)
	case strings.Contains(answer.Message, context.Canceled.Error()) && !strings.Contains(answer.Message, "\n"):
		return image, ctx.Err()
	}
	return image, answer // it failed by itself, or was not undone: on a further line is why
}

func build(conn net.Conn, name string, report func(api.Progress)) (api.Image, error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+host+imagePath(name)+"/build", http.NoBody)
	if err != nil {
		return api.Image{}, fmt.Errorf("make request: %w", err)
	}
	if err := req.Write(conn); err != nil {
		return api.Image{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return api.Image{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return api.Image{}, errorOf(resp)
	}
	dec := json.NewDecoder(resp.Body)
	for {
		var p api.Progress
		if err := dec.Decode(&p); err != nil {
			return api.Image{}, err
		}
		switch {
		case p.Error != nil:
			return api.Image{}, p.Error
		case p.Done != nil:
			return *p.Done, nil
		}
		report(p)
	}
}
