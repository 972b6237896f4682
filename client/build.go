package client

import (
	"context"
	"io"

	"github.com/logis-project/logis/api"
)

// BuildImage builds an image and calls report for every step and detail until it is done. Cancelling ctx ends the build:
// BuildImage then returns when logisd has taken away what there was of it, with ctx's error; that with ErrStillEnding
// when this took longer than 30 seconds.
func (c *Client) BuildImage(ctx context.Context, name string, report func(api.Progress)) (api.Image, error) {
	return c.makeImage(ctx, imagePath(name)+"/build", upload{}, report)
}

// ImportImage makes an image from the tar.zst that r gives, and calls report as it comes on. size is what r will give, for the
// progress only; 0 where that is not known. Cancelling ctx is as in BuildImage: nothing of it is left. A Read of r that goes
// on then is not waited for.
func (c *Client) ImportImage(ctx context.Context, r io.Reader, size int64, report func(api.Progress)) (api.Image, error) {
	if size <= 0 {
		size = -1
	}
	return c.makeImage(ctx, "/v1/images/import", upload{api.ArchiveType, r, size}, report)
}

func (c *Client) makeImage(ctx context.Context, path string, body upload, report func(api.Progress)) (api.Image, error) {
	return outcome(ctx, c, path, body, func(p api.Progress) (*api.Image, *api.Error) { return p.Done, p.Error }, report)
}
