package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/logis-project/logis/internal/probe"
)

// outsideRow is an attempt that takes the host's side too: frames, time, a neighbour that is watched.
type outsideRow struct {
	group, name string
	want        []string // outcomes that are right
	throwaway   bool     // not tried in a site of somebody's: it would be felt there
	numbers     bool     // what follows ": " in seen is told and not compared
	try         func(context.Context, *proof) (seen string, err error)
}

// insideTimeout bounds the attempts that are made from inside; they take seconds.
const insideTimeout = 3 * time.Minute

// errLacking wraps why there is nothing here to try a row on: this is no fault of the host, but is said.
var errLacking = errors.New("not on this host")

// outsideRows is the table, in the order in which it is run.
func outsideRows() []outsideRow { return slices.Concat(hostRows(), networkRows(), limitRows()) }

// outside makes one attempt.
func (p *proof) outside(ctx context.Context, r outsideRow) {
	row := ProofRow{Group: r.group, Attempt: r.name, Expected: r.want}
	if r.throwaway && !p.throwaway {
		row.OK, row.Untried = true, "only a throw-away site is treated so"
		p.add(row)
		return
	}
	seen, err := r.try(ctx, p)
	switch {
	case errors.Is(err, errLacking):
		row.OK, row.Untried = true, err.Error()
	case err != nil:
		row.Untried = err.Error()
	default:
		compared := seen
		if r.numbers {
			compared, _, _ = strings.Cut(seen, ": ")
		}
		row.Seen, row.OK = seen, probe.Right(r.want, compared)
	}
	if !row.OK && over(ctx) {
		return
	}
	p.add(row)
}

// inside makes the attempts of package probe, as root of the subject. What the site does not tell of, or tells of twice, or
// in another order, is a row that was not tried.
func (p *proof) inside(ctx context.Context) error {
	want := probe.Attempts()
	next := 0
	bounded, cancel := context.WithTimeout(ctx, insideTimeout)
	defer cancel()
	broken := p.probe(bounded, p.subject.Record.Name(), "try", func(r probe.Result) error {
		if next == len(want) || r.Group != want[next].Group || r.Name != want[next].Name {
			return fmt.Errorf("the site tells of %.40q of %.40q out of turn", r.Name, r.Group)
		}
		row := compare(want[next], r)
		if !row.OK && over(ctx) {
			return context.Cause(ctx)
		}
		p.add(row)
		next++
		return nil
	})
	if broken != nil && over(ctx) {
		return context.Cause(ctx)
	}
	for i, a := range want[next:] {
		why := "the site did not tell of it"
		if broken != nil && i == 0 { // said once
			why = broken.Error()
		}
		p.add(ProofRow{Group: a.Group, Attempt: a.Name, Expected: a.Want, Untried: why})
	}
	return nil
}

// compare judges what a site says of an attempt.
func compare(a probe.Attempt, r probe.Result) ProofRow {
	row := ProofRow{Group: a.Group, Attempt: a.Name, Expected: a.Want}
	switch {
	case r.Fault != "":
		row.Untried = r.Fault
	case r.Lacks != "":
		row.OK, row.Untried = true, r.Lacks
	default:
		row.Seen, row.OK = r.Seen, probe.Right(a.Want, r.Seen)
	}
	return row
}
