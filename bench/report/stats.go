package report

import (
	"math"
	"slices"
)

// Summary is what a table says of several values: the one in the middle, and between which the middle half of them lies. A mean and
// a deviation would tell of the one round in which the machine did something else.
type Summary struct {
	N              int
	Median, Q1, Q3 float64
}

// Summarize returns the zero Summary for no values.
func Summarize(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Summary{N: len(sorted), Median: quantile(sorted, 0.5), Q1: quantile(sorted, 0.25), Q3: quantile(sorted, 0.75)}
}

// quantile interpolates between the two neighbours, as R and NumPy do unless told otherwise: Hyndman and Fan, Sample Quantiles in
// Statistical Packages (1996), definition 7.
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + (at-float64(below))*(sorted[above]-sorted[below])
}

// Ratio is a in terms of b: the median, and the spread, of the ratios of the rounds that both have. What held the machine up in a round
// held both up, so they vary less than the values do. A round in which b is 0 has no ratio.
func Ratio(a, b []float64) Summary {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		if r := a[i] / b[i]; !math.IsNaN(r) && !math.IsInf(r, 0) {
			ratios = append(ratios, r)
		}
	}
	return Summarize(ratios)
}
