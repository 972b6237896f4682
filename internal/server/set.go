package server

import (
	"context"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/site"
)

// Settings of a site are changed while it runs.
type Settings interface {
	Set(ctx context.Context, name string, change site.Change) (site.Status, error)
}

type setInput struct {
	Name string `path:"name" maxLength:"255"`
	Body api.SetRequest
}

func (s *Server) setSite(ctx context.Context, in *setInput) (*siteOutput, error) {
	b := in.Body
	return answer(s.engine.Set(ctx, in.Name, site.Change{
		Memory: b.MemoryBytes, Swap: b.SwapBytes, Disk: b.DiskBytes, CPUs: b.CPUs, PIDs: b.PIDs, Priority: b.Priority,
		CPUWeight: b.CPUWeight, IOWeight: b.IOWeight, IOBandwidth: b.IOBandwidthBytes, Bandwidth: b.BandwidthBytes,
		OpenFiles: b.OpenFiles, LogSize: b.LogBytes,
	}))
}
