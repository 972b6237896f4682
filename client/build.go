package client

import (
	"context"
	"encoding/json"

	"github.com/logis-project/logis/api"
)

// BuildImage builds an image and calls report for every step and detail until it is done. Cancelling ctx ends the build:
// BuildImage then returns when logisd has taken away what there was of it, with ctx's error; that with ErrStillEnding
// when this took longer than 30 seconds.
func (c *Client) BuildImage(ctx context.Context, name string, report func(api.Progress)) (image api.Image, err error) {
	err = c.toTheEnd(ctx, imagePath(name)+"/build", nil, func(dec *json.Decoder) (bool, error) {
		var p api.Progress
		if err := dec.Decode(&p); err != nil {
			return false, err
		}
		switch {
		case p.Error != nil:
			return true, p.Error
		case p.Done != nil:
			image = *p.Done
			return true, nil
		}
		report(p)
		return false, nil
	})
	return image, err
}
