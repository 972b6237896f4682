// Package report keeps what a run of the benchmarks measured: its results as JSON, the tables and charts of docs/benchmarks.md
// made from them, and the comparison of a run with an earlier one. It measures nothing.
package report

// Result is what one part of the benchmarks measured in one run: bench/results/PART.json.
type Result struct {
	Part    string            `json:"part"` // create, idle, growth, image, inside, relaunch
	Date    string            `json:"date"` // RFC 3339, UTC
	Commit  string            `json:"commit"`
	Took    float64           `json:"took_seconds"`
	Machine Machine           `json:"machine"`
	Missing map[string]string `json:"missing,omitempty"` // subjects that could not run here, and why
	Series  []Series          `json:"series"`
}

// Machine is where it was measured.
type Machine struct {
	Processor string            `json:"processor"`
	CPUs      int               `json:"cpus"`
	Memory    int64             `json:"memory_bytes"`
	Kernel    string            `json:"kernel"`
	Cgroup    string            `json:"cgroup"`   // "v1" or "v2"
	Versions  map[string]string `json:"versions"` // of the subjects
	Load      float64           `json:"load"`     // of the machine when the run began: the mean of one minute, getloadavg(3)
}

// Series is the values of one measure for one subject, in the order of the rounds: value i of every subject of a measure was
// measured in the same round i.
type Series struct {
	Measure string    `json:"measure"`     // "create: http"
	Subject string    `json:"subject"`     // "logis", "floor", "lxc", "nspawn", "podman", "host"
	Unit    string    `json:"unit"`        // "ms", "s", "bytes", "1/s", "" for a count
	X       float64   `json:"x,omitempty"` // where a measure grows with something: how many sites
	Values  []float64 `json:"values"`
}
