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
