package client

import (
	"context"
	"net/http"

	"github.com/logis-project/logis/api"
)

// Doctor checks the host's requirements and compares the host with the records. It changes nothing.
func (c *Client) Doctor(ctx context.Context) (api.Doctor, error) {
	var out api.Doctor
	return out, c.call(ctx, http.MethodGet, "/v1/doctor", nil, &out)
}

// DoctorFix is Doctor, and mends what can be mended without a loss.
func (c *Client) DoctorFix(ctx context.Context) (api.Doctor, error) {
	var out api.Doctor
	return out, c.call(ctx, http.MethodPost, "/v1/doctor/fix", nil, &out)
}
