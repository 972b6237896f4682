package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var near = cmpopts.EquateApprox(0, 1e-9)

func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Summary
	}{
		{nil, Summary{}},
		{[]float64{7}, Summary{N: 1, Median: 7, Q1: 7, Q3: 7}},
		{[]float64{4, 1}, Summary{N: 2, Median: 2.5, Q1: 1.75, Q3: 3.25}},
		{[]float64{5, 1, 3, 2, 4}, Summary{N: 5, Median: 3, Q1: 2, Q3: 4}},
		{[]float64{6, 7, 15, 36, 39, 40}, Summary{N: 6, Median: 25.5, Q1: 9, Q3: 38.25}}, // what R's quantile() says
		{[]float64{10, 11, 12, 13, 9000}, Summary{N: 5, Median: 12, Q1: 11, Q3: 13}},     // one bad round
	} {
		before := append([]float64{}, c.values...)
		if diff := cmp.Diff(c.want, Summarize(c.values), near); diff != "" {
			t.Errorf("%v: %s", c.values, diff)
		}
		if diff := cmp.Diff(before, append([]float64{}, c.values...)); diff != "" {
			t.Errorf("the rounds are out of their order: %s", diff)
		}
	}
}

// A machine that is twice as slow in every other round changes the values and not their ratios.
func TestRatioIsOfTheRounds(t *testing.T) {
	logis := []float64{40, 82, 41, 80}
	floor := []float64{40, 80, 40, 80, 40}
	got := Ratio(logis, floor)
	want := Summary{N: 4, Median: 1.0125, Q1: 1, Q3: 1.025}
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Error(diff)
	}
}

func TestRatioToNothing(t *testing.T) {
	if diff := cmp.Diff(Summary{N: 1, Median: 3, Q1: 3, Q3: 3}, Ratio([]float64{1, 0, 6}, []float64{0, 0, 2})); diff != "" {
		t.Error(diff)
	}
	if got := Ratio([]float64{1}, nil); got != (Summary{}) {
		t.Errorf("%+v", got)
	}
}
