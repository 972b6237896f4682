package report

import (
	"fmt"
	"slices"
)

// goal is a number to reach. Its value is computed from the measure of one part: as a ratio where there is a subject to hold it against.
type goal struct {
	what    string
	part    string
	measure string
	x       float64
	further bool    // of each site more than the fewest that were measured
	most    float64 // the limit; of two, the one that is not 0
	least   float64
	to      string // the subject that it is a ratio to
	unit    string // of value and limit, where it is none
}

// goals is the one table of what logis is to reach. They are of what a user waits for: of the command, not of the API.
var goals = []goal{
	{what: "create → HTTP 200", part: "create", measure: "create: http", most: 1.4, to: Floor},
	{what: "create → HTTP 200", part: "create", measure: "create: http", most: 0.5, to: LXC},
	{what: "create → ssh banner", part: "create", measure: "create: ssh", most: 1.4, to: Floor},
	{what: "create → ssh banner", part: "create", measure: "create: ssh", most: 0.5, to: LXC},
	{what: "create → database query", part: "create", measure: "create: database", most: 1.4, to: Floor},
	{what: "create → database query", part: "create", measure: "create: database", most: 0.5, to: LXC},
	{what: "destroy → nothing named is left", part: "create", measure: "destroy: gone", most: 25, unit: "ms"},
	{what: "destroy → nothing named is left", part: "create", measure: "destroy: gone", most: 0.3, to: LXC},
	{what: "stop → start → HTTP 200", part: "create", measure: "restart: http", most: 1.3, to: Floor},
	{what: "logis-init in a site: Pss", part: "idle", measure: "init: pss", most: 3e6, unit: "bytes"},
	{what: "logis-init: exec → first service started", part: "idle", measure: "init: first service", most: 5, unit: "ms"},
	{what: "disk of one more site", part: "idle", measure: "disk", most: 8e6, unit: "bytes"},
	{what: "logisd with 100 sites: memory", part: "growth", measure: "logisd: memory", x: 100, most: 60e6, unit: "bytes"},
	// A thousandth of a processor is what is lost in the noise of a machine that does nothing.
	{what: "logisd with 100 sites: CPU at rest", part: "growth", measure: "logisd: cpu at rest", x: 100, most: 1, unit: "ms/s"},
	{what: "logisd: memory for each further site", part: "growth", measure: "logisd: memory", further: true, most: 100e3, unit: "bytes"},
	{what: "logis list with 100 sites", part: "growth", measure: "list", x: 100, most: 20, unit: "ms"},
	{what: "relaunch of 20 sites", part: "relaunch", measure: "relaunch", x: 20, most: 1.3, to: Floor},
	{what: "a PHP page in a site", part: "inside", measure: "php", least: 0.95, to: Host},
	{what: "database reads in a site", part: "inside", measure: "database: read", least: 0.95, to: Host},
	{what: "database writes in a site", part: "inside", measure: "database: write", least: 0.8, to: Host},
	{what: "fsync in a site", part: "inside", measure: "fsync", least: 0.8, to: Host},
}

// of is what a result says of the goal; it is empty when that was not measured.
func (g goal) of(r Result) Summary {
	switch {
	case r.Part != g.part:
		return Summary{}
	case g.further:
		return r.further(g.measure)
	case g.to != "":
		return Ratio(r.Find(g.measure, Logis, g.x), r.Find(g.measure, g.to, g.x))
	}
	return Summarize(r.Find(g.measure, Logis, g.x))
}

// further is what each site more than the fewest that were measured adds to a measure, up to the most that were.
func (r Result) further(measure string) Summary {
	var fewest, most Series
	for _, s := range r.Series {
		if s.Measure != measure || s.Subject != Logis {
			continue
		}
		if fewest.Values == nil || s.X < fewest.X {
			fewest = s
		}
		if most.Values == nil || s.X > most.X {
			most = s
		}
	}
	var each []float64
	if most.X > fewest.X {
		for i := range min(len(fewest.Values), len(most.Values)) {
			each = append(each, (most.Values[i]-fewest.Values[i])/(most.X-fewest.X))
		}
	}
	return Summarize(each)
}

// holds is for a value that was measured. The quartiles have no say: a median next to the limit holds or does not, and shows them.
func (g goal) holds(s Summary) bool {
	if g.least > 0 {
		return s.Median >= g.least
	}
	return s.Median <= g.most
}

// asked is the limit in words: "≤ 25 ms".
func (g goal) asked() string {
	sign := "≤"
	if g.least > 0 {
		sign = "≥"
	}
	show, unit := g.scale(g.limit())
	return fmt.Sprintf("%s %g%s", sign, g.limit()*show.factor, unit)
}

// shown is a value in words, with as many digits as tell it from the limit.
func (g goal) shown(s Summary) string {
	show, unit := g.scale(s.Median)
	if s.Median != g.limit() && show.number(s.Median) == show.number(g.limit()) {
		show.more = 2
	}
	return show.spread(s) + unit
}

func (g goal) limit() float64 { return max(g.most, g.least) }

func (g goal) scale(v float64) (scale, string) {
	if g.to != "" {
		return plain, " × " + g.to
	}
	show := scaleOf(g.unit, v)
	return show, " " + show.name
}

// goalTable has a row for each goal.
func goalTable(results []Result) string {
	t := table{head: []string{"", "goal", "measured", ""}, text: 4}
	for _, g := range goals {
		measured, verdict := "", "not measured"
		if i := slices.IndexFunc(results, func(r Result) bool { return r.Part == g.part }); i >= 0 {
			if s := g.of(results[i]); s.N > 0 {
				measured, verdict = g.shown(s), "does not hold"
				if g.holds(s) {
					verdict = "holds"
				}
			}
		}
		t.add(g.what, g.asked(), measured, verdict)
	}
	return t.String()
}
