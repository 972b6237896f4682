package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/logis-project/logis/api"
)

// Images returns all images, by name.
func (c *Client) Images(ctx context.Context) ([]api.Image, error) {
	return get[[]api.Image](ctx, c, http.MethodGet, "/v1/images", nil)
}

// Image returns one image.
func (c *Client) Image(ctx context.Context, name string) (api.Image, error) {
	return get[api.Image](ctx, c, http.MethodGet, imagePath(name), nil)
}

// RemoveImage removes an image that no site uses.
func (c *Client) RemoveImage(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, imagePath(name), nil, nil)
}

// ExportImage writes the image to w as one tar.zst. An error leaves w with a part of it.
func (c *Client) ExportImage(ctx context.Context, name string, w io.Writer) error {
	resp, err := c.send(ctx, http.MethodGet, imagePath(name)+"/export", "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	into := &sink{w: w}
	if _, err := io.Copy(into, resp.Body); err != nil {
		if into.err != nil {
			return fmt.Errorf("write archive: %w", into.err)
		}
		return streamError(ctx, err)
	}
	return nil
}

func imagePath(name string) string { return "/v1/images/" + segment(name) }

// streamError tells the caller's own cancellation from a stream that broke off: its end is always said.
func streamError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return broken(err)
}

// sink remembers that it was the writer that failed, not the reader.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
