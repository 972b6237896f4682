// Package client speaks logisd's API over its unix socket: what the command line uses, and what other programs can. It
// owns the connection and the coding of requests; it prints nothing and decides nothing. It needs package api and the
// standard library, and no other module.
//
// New takes the path of the socket; root and the members of group logis may connect. Every method takes a context: what is
// cancelled ends at logisd too, and is undone where it can be.
//
// Every answer that is not a success comes back as an *api.Error, which has the words for a person: errors.Is tells its kind
// by ErrInvalid, ErrNotFound, ErrConflict, ErrCancelled and ErrFailed. A daemon that is not there is ErrUnreachable.
//
// What takes long has a report function, which is called on the goroutine of the caller for each piece of progress.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// DefaultSocket is where logisd listens with its default configuration.
const DefaultSocket = "/run/logis/logis.sock"

// maxAnswer bounds a JSON answer that is not a stream, in bytes: 5,000 sites with all their services are about 10 MB.
const maxAnswer = 256 << 20

// host stands in URLs where HTTP wants one; nothing resolves it.
const host = "logisd"

// Client is safe for concurrent use.
type Client struct {
	socket string
	http   http.Client
}

// New returns a client of the daemon at socket. It connects with the first request.
func New(socket string) *Client {
	c := &Client{socket: socket}
	c.http.Transport = &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
		DisableCompression:  true,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     time.Minute, // below the server's
	}
	return c
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.socket)
	if err != nil {
		if no, ok := errors.AsType[syscall.Errno](err); ok {
			err = no
		}
		return nil, &UnreachableError{c.socket, err}
	}
	return conn, nil
}

// call sends in as JSON (nil sends no body) and decodes the answer into out (nil: there is none).
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(data)
	}
	resp, err := c.send(ctx, method, path, "application/json", body)
	if err != nil {
		return err
	}
	return decode(resp, out)
}

// decode reads the JSON body of a success and closes it.
func decode(resp *http.Response, out any) error {
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return broken(err)
	}
	return nil
}

// send returns the answer if it is a success; the caller closes its body.
func (c *Client) send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, requestError(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, errorOf(resp)
	}
	return resp, nil
}
