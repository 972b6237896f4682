package site

import (
	"fmt"

	"github.com/logis-project/logis/internal/quantity"
)

// Unset stands for a limit that may be zero and that nobody asked for, in a Spec whose defaults are not filled in yet.
const Unset = -1

// Limits of a site. A weight is the site's share where several want more than there is. A bandwidth is bytes a second, and 0 is
// none.
type Limits struct {
	Memory int64   `json:"memory_bytes"`
	Swap   int64   `json:"swap_bytes"`
	Disk   int64   `json:"disk_bytes"`
	CPUs   float64 `json:"cpus"` // processors
	PIDs   int64   `json:"pids"` // tasks

	CPUWeight   int64 `json:"cpu_weight"`
	IOWeight    int64 `json:"io_weight"`
	IOBandwidth int64 `json:"io_bandwidth_bytes"` // of the disk: of reads, and of writes
	Bandwidth   int64 `json:"bandwidth_bytes"`    // of the network: each way
	OpenFiles   int64 `json:"open_files"`         // of each process
	LogSize     int64 `json:"log_bytes"`          // of each service's log, in bytes on disk
}

// Bounds of what may be asked for, in the units of Limits.
const (
	MinMemory = 64 << 20  // below it the services of an image do not start
	MinDisk   = 256 << 20 // the database's reserve and a little room for files
	MinPIDs   = 32

	MaxWeight      = 10_000   // of the kernel: cgroup-v2.rst, "Weights"
	MinIOBandwidth = 1 << 20  // below it the services do not become ready in time
	MinBandwidth   = 64 << 10 // a page in seconds, not minutes
	MaxBandwidth   = 1 << 37  // of both, a terabit a second: who wants more wants no limit
	MinOpenFiles   = 256      // PID 1 itself has that many while it serves exec and logs
	MaxOpenFiles   = 1 << 20  // fs.nr_open, unless the host changes it
	MinLogSize     = 64 << 10 // room for a few of the longest lines
	MaxLogSize     = 1 << 30  // what logis logs can still look through
)

// What a site has whose record was written by a release that did not know these limits.
const (
	oldWeight    = 100 // the kernel's default
	oldOpenFiles = 4096
	oldLogSize   = 2 << 20
)

// complete fills in what an older release did not write.
func (l Limits) complete() Limits {
	for _, f := range []struct {
		field *int64
		value int64
	}{
		{&l.CPUWeight, oldWeight}, {&l.IOWeight, oldWeight}, {&l.OpenFiles, oldOpenFiles}, {&l.LogSize, oldLogSize},
	} {
		if *f.field == 0 { // which none of them can be
			*f.field = f.value
		}
	}
	return l
}

// Check tells why limits cannot be set.
func (l Limits) Check() error {
	switch {
	case l.Memory < MinMemory:
		return fmt.Errorf("%w: memory must be at least %d MiB, and %s was asked for", ErrInvalid, MinMemory>>20, quantity.Format(l.Memory))
	case l.Swap < 0:
		return fmt.Errorf("%w: swap must not be negative", ErrInvalid)
	case l.Disk < MinDisk:
		return fmt.Errorf("%w: disk must be at least %d MiB, and %s was asked for", ErrInvalid, MinDisk>>20, quantity.Format(l.Disk))
	case !(l.CPUs >= 0.01 && l.CPUs <= 1024): // also refuses NaN
		return fmt.Errorf("%w: cpus must be from 0.01 to 1024", ErrInvalid)
	case l.PIDs < MinPIDs || l.PIDs > 1<<22:
		return fmt.Errorf("%w: pids must be from %d to %d", ErrInvalid, MinPIDs, 1<<22)
	case l.CPUWeight < 1 || l.CPUWeight > MaxWeight:
		return fmt.Errorf("%w: cpu weight must be from 1 to %d", ErrInvalid, MaxWeight)
	case l.IOWeight < 1 || l.IOWeight > MaxWeight:
		return fmt.Errorf("%w: i/o weight must be from 1 to %d", ErrInvalid, MaxWeight)
	case l.IOBandwidth != 0 && (l.IOBandwidth < MinIOBandwidth || l.IOBandwidth > MaxBandwidth):
		return fmt.Errorf("%w: i/o bandwidth must be from %d MiB to %d GiB a second, or off for no limit", ErrInvalid, MinIOBandwidth>>20, MaxBandwidth>>30)
	case l.Bandwidth != 0 && (l.Bandwidth < MinBandwidth || l.Bandwidth > MaxBandwidth):
		return fmt.Errorf("%w: bandwidth must be from %d KiB to %d GiB a second, or off for no limit", ErrInvalid, MinBandwidth>>10, MaxBandwidth>>30)
	case l.OpenFiles < MinOpenFiles || l.OpenFiles > MaxOpenFiles:
		return fmt.Errorf("%w: open files must be from %d to %d", ErrInvalid, MinOpenFiles, MaxOpenFiles)
	case l.LogSize < MinLogSize || l.LogSize > MaxLogSize:
		return fmt.Errorf("%w: log size must be from %d KiB to %d GiB", ErrInvalid, MinLogSize>>10, MaxLogSize>>30)
	}
	return nil
}
