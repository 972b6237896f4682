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

// LogsOptions choose lines of a site's logs.
type LogsOptions struct {
	Service string // empty is all services
	Lines   int    // how many of the last ones
	Follow  bool   // go on with what comes, until ctx is done or the site stops
}

// Logs calls each for every line. The lines are as the site wrote them: whoever prints them to a terminal must take out
// control characters.
func (c *Client) Logs(ctx context.Context, name string, opts LogsOptions, each func(api.LogLine) error) error {
	q := url.Values{"lines": {strconv.Itoa(opts.Lines)}}
	if opts.Service != "" {
		q.Set("service", opts.Service)
	}
	if opts.Follow {
		q.Set("follow", "true")
	}
	resp, err := c.send(ctx, http.MethodGet, sitePath(name)+"/logs?"+q.Encode(), "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var line api.LogLine
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return streamError(ctx, err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}
