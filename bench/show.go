package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/logis-project/logis/bench/report"
)

// show prints what was measured, a line a series.
func show(w io.Writer, result report.Result) {
	for _, s := range result.Series {
		sorted := slices.Sorted(slices.Values(s.Values))
		at := func(part float64) float64 { return sorted[int(part*float64(len(sorted)-1))] }
		fmt.Fprintf(w, "%-22s %-8s %6.0f  median %9.2f %s, from %.2f to %.2f, of %d\n", s.Measure, s.Subject, s.X, at(0.5), s.Unit, at(0), at(1), len(sorted))
	}
	for name, why := range result.Missing {
		fmt.Fprintf(w, "%s could not run: %s\n", name, why)
	}
}
