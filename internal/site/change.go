package site

import "fmt"

// MaxPriority bounds a priority on both sides of zero.
const MaxPriority = 1000

// Change says what of a Spec is to be another: a field that is nil stays as it is. The units are those of Limits.
type Change struct {
	Memory   *int64
	Swap     *int64
	Disk     *int64
	CPUs     *float64
	PIDs     *int64
	Priority *int

	CPUWeight   *int64
	IOWeight    *int64
	IOBandwidth *int64
	Bandwidth   *int64
	OpenFiles   *int64
	LogSize     *int64
}

// Apply returns spec with the change made. ErrInvalid says that nothing is to change, or why the outcome cannot be.
func (c Change) Apply(spec Spec) (Spec, error) {
	if c == (Change{}) {
		return Spec{}, fmt.Errorf("%w: nothing is to change: name at least one limit or the priority", ErrInvalid)
	}
	replace(&spec.Limits.Memory, c.Memory)
	replace(&spec.Limits.Swap, c.Swap)
	replace(&spec.Limits.Disk, c.Disk)
	replace(&spec.Limits.CPUs, c.CPUs)
	replace(&spec.Limits.PIDs, c.PIDs)
	replace(&spec.Limits.CPUWeight, c.CPUWeight)
	replace(&spec.Limits.IOWeight, c.IOWeight)
	replace(&spec.Limits.IOBandwidth, c.IOBandwidth)
	replace(&spec.Limits.Bandwidth, c.Bandwidth)
	replace(&spec.Limits.OpenFiles, c.OpenFiles)
	replace(&spec.Limits.LogSize, c.LogSize)
	replace(&spec.Priority, c.Priority)
	if err := checkPriority(spec.Priority); err != nil {
		return Spec{}, err
	}
	return spec, spec.Limits.Check()
}

func replace[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

func checkPriority(n int) error {
	if n < -MaxPriority || n > MaxPriority {
		return fmt.Errorf("%w: priority must be from -%d to %d", ErrInvalid, MaxPriority, MaxPriority)
	}
	return nil
}
