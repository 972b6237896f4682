package client

import (
	"context"
	"encoding/json"

	"github.com/logis-project/logis/api"
)

// outcome posts a body as toTheEnd does and returns what the last element E of the answer has: a B or an error, of which last finds
// one. report, unless it is nil, is called with every other element.
func outcome[E, B any](ctx context.Context, c *Client, path string, body upload, last func(E) (*B, *api.Error), report func(E)) (result B, err error) {
	err = c.toTheEnd(ctx, path, body, func(dec *json.Decoder) (bool, error) {
		var element E
		if err := dec.Decode(&element); err != nil {
			return false, err
		}
		done, failed := last(element)
		switch {
		case failed != nil:
			return true, failed
		case done != nil:
			result = *done
			return true, nil
		}
		if report != nil {
			report(element)
		}
		return false, nil
	})
	return result, err
}
