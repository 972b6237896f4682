package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// section is what a part has on the page below its words: tables, what is missing and why, charts.
func section(r Result) string {
	pieces := []string{valueTable(r), ratioTable(r), missing(r)}
	for _, c := range charts[r.Part] {
		if c.figure(r) != nil {
			pieces = append(pieces, fmt.Sprintf("![%s](%s/%s)\n", c.title, chartsDir, c.file))
		}
	}
	return strings.Join(slices.DeleteFunc(pieces, func(p string) bool { return p == "" }), "\n")
}

// subjects are those that a result has values of, in the order of the columns.
func (r Result) subjects() []string {
	var there []string
	for _, s := range r.Series {
		if !slices.Contains(there, s.Subject) {
			there = append(there, s.Subject)
		}
	}
	slices.SortFunc(there, func(a, b string) int {
		return cmp.Or(cmp.Compare(place(subjects, a), place(subjects, b)), cmp.Compare(a, b))
	})
	return there
}

// line is a measure at one number of sites, with what each subject has of it.
type line struct {
	measure, unit string
	x             float64
	of            map[string]Summary
}

// lines are the rows of a result's tables, in order.
func (r Result) lines() []line {
	var lines []line
	for _, s := range r.Series {
		last := len(lines) - 1
		if last < 0 || lines[last].measure != s.Measure || lines[last].x != s.X {
			lines = append(lines, line{measure: s.Measure, unit: s.Unit, x: s.X, of: map[string]Summary{}})
			last++
		}
		lines[last].of[s.Subject] = Summarize(s.Values)
	}
	return lines
}

func (l line) scale() scale {
	var medians []float64
	for _, s := range l.of {
		medians = append(medians, s.Median)
	}
	return scaleOf(l.unit, medians...)
}

// valueTable has a column for each subject. Where a measure grows and logis is alone, it has one for each number of sites.
func valueTable(r Result) string {
	lines, columns := r.lines(), r.subjects()
	var sites []float64
	for _, l := range lines {
		if !slices.Contains(sites, l.x) {
			sites = append(sites, l.x)
		}
	}
	if len(columns) == 1 && len(sites) > 1 {
		return growthTable(lines, columns[0], slices.Sorted(slices.Values(sites)))
	}
	t := table{head: append([]string{"", "unit"}, columns...), text: 2}
	for _, l := range lines {
		show := l.scale()
		cells := []string{row(l.measure, l.x), show.name}
		for _, subject := range columns {
			cells = append(cells, show.spread(l.of[subject]))
		}
		t.add(cells...)
	}
	return t.String()
}

func growthTable(lines []line, subject string, sites []float64) string {
	t := table{head: []string{subject, "unit"}, text: 2}
	for _, x := range sites {
		t.head = append(t.head, strings.TrimPrefix(row("", x), ", "))
	}
	for len(lines) > 0 {
		measure := lines[0].measure
		n := len(lines)
		if i := slices.IndexFunc(lines, func(l line) bool { return l.measure != measure }); i >= 0 {
			n = i
		}
		largest := line{unit: lines[0].unit, of: map[string]Summary{}}
		for i, l := range lines[:n] {
			largest.of[fmt.Sprint(i)] = l.of[subject]
		}
		show := largest.scale()
		cells := []string{measure, show.name}
		for _, x := range sites {
			cell := ""
			if i := slices.IndexFunc(lines[:n], func(l line) bool { return l.x == x }); i >= 0 {
				cell = show.spread(lines[i].of[subject])
			}
			cells = append(cells, cell)
		}
		t.add(cells...)
		lines = lines[n:]
	}
	return t.String()
}

// ratioTable holds logis against the floor, or the host, and against whichever peer did best in each measure; "" where there is neither.
func ratioTable(r Result) string {
	there := r.subjects()
	base := Floor
	if !slices.Contains(there, Floor) {
		base = Host
	}
	ours := slices.DeleteFunc([]string{Logis, LogisAPI}, func(s string) bool { return !slices.Contains(there, s) })
	t := table{head: []string{""}, text: 1}
	for _, subject := range ours {
		t.head = append(t.head, subject+" ÷ "+base)
	}
	t.head = append(t.head, "logis ÷ best peer")
	for _, l := range r.lines() {
		cells, found := []string{row(l.measure, l.x)}, false
		add := func(subject, to, name string) {
			cell := plain.spread(Ratio(r.Find(l.measure, subject, l.x), r.Find(l.measure, to, l.x)))
			if cell != "" {
				found = true
				cell += name
			}
			cells = append(cells, cell)
		}
		for _, subject := range ours {
			add(subject, base, "")
		}
		peer := r.bestPeer(l.measure, l.unit, l.x)
		add(Logis, peer, " "+peer)
		if found {
			t.add(cells...)
		}
	}
	if len(t.rows) == 0 {
		return ""
	}
	t.compact()
	return t.String()
}

// missing says which subjects could not run, and why.
func missing(r Result) string {
	var b strings.Builder
	for _, subject := range slices.Sorted(maps.Keys(r.Missing)) {
		fmt.Fprintf(&b, "- %s was not measured: %s\n", subject, strings.Join(strings.Fields(r.Missing[subject]), " "))
	}
	return b.String()
}
