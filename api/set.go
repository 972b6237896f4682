package api

// SetRequest is the body of PATCH /v1/sites/{name}: what is left out stays as it is. Units are those of Limits.
type SetRequest struct {
	MemoryBytes *int64   `json:"memory_bytes,omitempty"`
	SwapBytes   *int64   `json:"swap_bytes,omitempty"`
	DiskBytes   *int64   `json:"disk_bytes,omitempty"`
	CPUs        *float64 `json:"cpus,omitempty"`
	PIDs        *int64   `json:"pids,omitempty"`

	CPUWeight        *int64 `json:"cpu_weight,omitempty"`
	IOWeight         *int64 `json:"io_weight,omitempty"`
	IOBandwidthBytes *int64 `json:"io_bandwidth_bytes,omitempty" doc:"0 is no limit"`
	BandwidthBytes   *int64 `json:"bandwidth_bytes,omitempty" doc:"0 is no limit"`
	OpenFiles        *int64 `json:"open_files,omitempty"`
	LogBytes         *int64 `json:"log_bytes,omitempty"`

	Priority *int `json:"priority,omitempty" doc:"-1000 to 1000; at boot the highest starts first"`
}
