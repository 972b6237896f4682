package api

// SetRequest is the body of PATCH /v1/sites/{name}: what is left out stays as it is. Units are those of Limits.
type SetRequest struct {
	MemoryBytes *int64   `json:"memory_bytes,omitempty"`
	SwapBytes   *int64   `json:"swap_bytes,omitempty"`
	DiskBytes   *int64   `json:"disk_bytes,omitempty"`
	CPUs        *float64 `json:"cpus,omitempty"`
	PIDs        *int64   `json:"pids,omitempty"`
	Priority    *int     `json:"priority,omitempty" doc:"-1000 to 1000; at boot the highest starts first"`
}
