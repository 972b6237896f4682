package report

import (
	"fmt"
	"slices"
)

// Change is a measure of logis that got worse: slower, larger or more.
type Change struct {
	Measure string
	Subject string // Logis or LogisAPI
	X       float64
	// Against is the subject that Old and New are ratios to; "" for values as they are, in Unit.
	Against  string
	Unit     string
	Old, New Summary // New is empty when the new run has not measured it at all
}

// trifle is what a ratio may change by and still not be told. The quartiles are of the rounds of a run; two runs differ by more than
// that, by where pages and files came to lie, and a count or a size has no quartiles at all.
const trifle = 0.02

// Compare says what got worse from one result of a part to another by more than the spread of both: the middle halves of the two have
// nothing in common. It compares ratios, to the floor or the host where that was measured, else to the peer that was best in the old
// result: they hold on another machine, and on this one while it does something else. Values are compared only where logis is alone.
func Compare(old, new Result) []Change {
	var changes []Change
	for _, s := range old.Series {
		if s.Subject != Logis && s.Subject != LogisAPI {
			continue
		}
		c := Change{Measure: s.Measure, Subject: s.Subject, X: s.X, Unit: s.Unit}
		now := new.Find(s.Measure, s.Subject, s.X)
		c.Against = reference(old, new, s)
		switch {
		case now == nil && new.measures(s):
			continue // how many sites the machine holds is another number in each run
		case now == nil:
			c.Old = Summarize(s.Values)
		case c.Against == "":
			c.Old, c.New = Summarize(s.Values), Summarize(now)
		default:
			c.Old = Ratio(s.Values, old.Find(s.Measure, c.Against, s.X))
			c.New = Ratio(now, new.Find(s.Measure, c.Against, s.X))
		}
		if c.worse() {
			changes = append(changes, c)
		}
	}
	return changes
}

// measures reports whether there is the measure for the subject, with whatever X.
func (r Result) measures(s Series) bool {
	return slices.ContainsFunc(r.Series, func(o Series) bool { return o.Measure == s.Measure && o.Subject == s.Subject })
}

// reference is the subject that both results can be held against: the floor, the host, or the best peer of the old one.
func reference(old, new Result, s Series) string {
	for _, subject := range []string{Floor, Host, old.bestPeer(s.Measure, s.Unit, s.X)} {
		if Ratio(s.Values, old.Find(s.Measure, subject, s.X)).N > 0 && new.Find(s.Measure, subject, s.X) != nil {
			return subject
		}
	}
	return ""
}

// bestPeer is the peer with the best median of a measure; "" when none was measured.
func (r Result) bestPeer(measure, unit string, x float64) string {
	best, at := "", 0.0
	for _, peer := range peers {
		if s := Summarize(r.Find(measure, peer, x)); s.N > 0 && (best == "" || better(unit, s.Median, at)) {
			best, at = peer, s.Median
		}
	}
	return best
}

// better: of rates more is, of everything else less.
func better(unit string, a, b float64) bool {
	if unit == rate {
		return a > b
	}
	return a < b
}

func (c Change) worse() bool {
	if c.New.N == 0 {
		return true
	}
	if c.Unit == rate {
		return c.New.Q3 < c.Old.Q1 && c.New.Median < c.Old.Median*(1-trifle)
	}
	return c.New.Q1 > c.Old.Q3 && c.New.Median > c.Old.Median*(1+trifle)
}

// String is a line for whoever changed something and wants to know what it did.
func (c Change) String() string {
	what := row(c.Measure, c.X)
	if c.Subject != Logis {
		what += ", " + c.Subject
	}
	if c.New.N == 0 {
		return what + ": is not measured any more"
	}
	show, to := scaleOf(c.Unit, c.New.Median, c.Old.Median), ""
	if c.Against != "" {
		show, to = plain, " × "+c.Against
	} else if show.name != "" {
		to = " " + show.name
	}
	return fmt.Sprintf("%s: %s%s, was %s%s%s", what, show.spread(c.New), to, show.spread(c.Old), to, c.by())
}

// by is how much worse it is, in words.
func (c Change) by() string {
	if c.Old.Median == 0 {
		return ""
	}
	word := "slower"
	percent := 100 * (c.New.Median/c.Old.Median - 1)
	switch c.Unit {
	case rate:
		percent = -percent
	case "bytes", "":
		word = "more"
	}
	return fmt.Sprintf(": %.0f %% %s", percent, word)
}
