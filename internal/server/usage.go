package server

import (
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/site"
)

func usageOf(u site.Usage) api.Usage {
	out := api.Usage{
		MemoryBytes: u.Memory, CacheBytes: u.Cache, SwapBytes: u.Swap, DiskBytes: u.Disk, FilesBytes: u.Files, FilesLimit: u.FilesLimit, PIDs: u.PIDs,
		CPUSeconds: u.CPUSeconds, OOMKills: u.OOMKills,
	}
	if k := u.LastKill; k.PID > 0 {
		out.LastOOMKill = &api.OOMKill{Process: k.Process, PID: k.PID, At: k.At.UTC().Truncate(time.Millisecond)}
	}
	return out
}
