package main

import (
	"context"
	"fmt"
	"time"

	"github.com/logis-project/logis/bench/report"
)

// part is one of the things that are measured.
type part struct {
	name    string
	measure func(context.Context, *house, *recorder) error
}

// parts is the one list of them, in the order in which they run.
var parts = []part{
	{"create", measureCreate},
	{"idle", measureIdle},
	{"growth", measureGrowth},
	{"image", measureImage},
	{"inside", measureInside},
	{"relaunch", measureRelaunch},
}

func partNames() []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return names
}

// mostTime is what a part may take.
const mostTime = 15 * time.Minute

// measure runs a part in a house of its own.
func measure(ctx context.Context, o options, p part) (_ report.Result, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, mostTime, fmt.Errorf("it takes longer than %v", mostTime))
	defer cancel()
	result := report.Result{Part: p.name, Machine: thisMachine(), Missing: map[string]string{}}
	began := time.Now()
	h, err := openHouse(ctx, o)
	if err != nil {
		return result, err
	}
	defer func() {
		if closeErr := h.close(); err == nil {
			err = closeErr
		}
	}()
	result.Machine.Versions = h.versions
	result.Missing = h.missing
	r := &recorder{rounds: o.rounds}
	if err := p.measure(ctx, h, r); err != nil {
		return result, err
	}
	result.Date, result.Commit = began.UTC().Format(time.RFC3339), o.commit
	result.Took = time.Since(began).Round(time.Second).Seconds()
	result.Series = r.series
	return result, nil
}

// recorder takes what a part measures.
type recorder struct {
	rounds int // that were asked for; 0 is the part's own number
	series []report.Series
}

// roundsOr is how many rounds to measure.
func (r *recorder) roundsOr(usual int) int {
	if r.rounds > 0 {
		return r.rounds
	}
	return usual
}

// add adds a value to the series of a measure and a subject; at is 0 for a measure that does not grow with anything.
func (r *recorder) add(measure, subject, unit string, at, value float64) {
	for i := range r.series {
		s := &r.series[i]
		if s.Measure == measure && s.Subject == subject && s.X == at {
			s.Values = append(s.Values, value)
			return
		}
	}
	r.series = append(r.series, report.Series{Measure: measure, Subject: subject, Unit: unit, X: at, Values: []float64{value}})
}

// took adds a duration, in milliseconds.
func (r *recorder) took(measure, subject string, d time.Duration) {
	r.add(measure, subject, "ms", 0, float64(d)/float64(time.Millisecond))
}
