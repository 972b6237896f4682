package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/logis-project/logis/api"
)

// ErrEnded says of a stream that would go on that logisd ended it, because it ends itself.
var ErrEnded = errors.New("logisd has ended: run it again when logisd is back")

// EventsOptions choose events.
type EventsOptions struct {
	Lines  int  // how many of the last ones
	Follow bool // go on with what comes, until ctx is done
}

// Events calls each for every event, oldest first. With Follow it only returns an error: ctx's, that of each, ErrEnded when
// logisd ends, or another when the connection is lost. Messages are printable, but can hold words from inside a site.
func (c *Client) Events(ctx context.Context, opts EventsOptions, each func(api.Event) error) error {
	q := url.Values{"lines": {strconv.Itoa(opts.Lines)}, "follow": {strconv.FormatBool(opts.Follow)}}
	resp, err := c.send(ctx, http.MethodGet, "/v1/events?"+q.Encode(), "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var e api.Event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) && !opts.Follow {
			return nil
		} else if errors.Is(err, io.EOF) && ctx.Err() == nil {
			return ErrEnded
		} else if err != nil {
			return streamError(ctx, err)
		}
		if err := each(e); err != nil {
			return err
		}
	}
}
