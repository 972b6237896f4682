package report

import (
	"fmt"
	"math"
	"strconv"
)

// rate is the unit of measures of which more is better.
const rate = "1/s"

// scale is how the values of a row are written: all in the same unit.
type scale struct {
	name   string
	factor float64
	whole  bool // counts of things
	more   int  // so many digits more than a table needs
}

// plain is for ratios, and for what is in the unit of its axis.
var plain = scale{factor: 1}

// scaleOf takes the unit that suits the largest of the values.
func scaleOf(unit string, values ...float64) scale {
	largest := 0.0
	for _, v := range values {
		largest = max(largest, math.Abs(v))
	}
	switch unit {
	case "bytes":
		switch {
		case largest >= 1e9:
			return scale{name: "GB", factor: 1e-9}
		case largest >= 1e6:
			return scale{name: "MB", factor: 1e-6}
		}
		return scale{name: "kB", factor: 1e-3}
	case "ms":
		if largest >= 1e4 {
			return scale{name: "s", factor: 1e-3}
		}
	case "":
		return scale{factor: 1, whole: true}
	}
	return scale{name: unit, factor: 1}
}

// number writes three digits that tell something, or the whole number where it has more.
func (s scale) number(v float64) string {
	v *= s.factor
	digits := s.more
	switch a := math.Abs(v); {
	case s.whole && v == math.Trunc(v), a >= 99.95:
	case a >= 9.995:
		digits++
	case a >= 0.0995 || a == 0:
		digits += 2
	default:
		digits += 3
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// spread is the median, with the quartiles behind it where they are others.
func (s scale) spread(v Summary) string {
	if v.N == 0 {
		return ""
	}
	low, high := s.number(v.Q1), s.number(v.Q3)
	if low == high {
		return s.number(v.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", s.number(v.Median), low, high)
}

// row names a row of a table.
func row(measure string, x float64) string {
	switch x {
	case 0:
		return measure
	case 1:
		return measure + ", 1 site"
	}
	return fmt.Sprintf("%s, %g sites", measure, x)
}
