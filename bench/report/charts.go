package report

import "slices"

// chart is a file that a part has beside its tables.
type chart struct {
	file   string
	title  string
	figure func(Result) *figure // nil when nothing of it was measured
}

// charts are those of each part. The part image has none: its measures have nothing to be held against.
var charts = map[string][]chart{
	"create": {
		{"create.svg", "From the command to the answer, in ms", func(r Result) *figure {
			return bars(r, "create: http", "create: ssh", "create: database", "create: ready")
		}},
		{"restart.svg", "Stop, start, until it answers; destroy, until nothing named is left, in ms", func(r Result) *figure {
			return bars(r, "restart: http", "restart: ssh", "restart: database", "destroy: gone")
		}},
	},
	"idle": {{"memory.svg", "Memory of one more idle site, without what it shares, in MB", func(r Result) *figure {
		return stack(r, "memory: private", "memory: kernel", "engine: memory")
	}}},
	"growth": {
		{"growth-time.svg", "How long it takes with so many sites, in ms", func(r Result) *figure {
			return measureLines(r, "ms", 1, logarithmic, "create", "destroy", "list", "start all")
		}},
		{"growth-memory.svg", "Memory of logisd, in MB", func(r Result) *figure {
			return measureLines(r, "MB", 1e-6, linear, "logisd: memory")
		}},
	},
	"inside": {{"inside.svg", "Inside a site, in terms of the bare host: more is better", func(r Result) *figure {
		return barsOver(r, Host)
	}}},
	"relaunch": {{"relaunch.svg", "From the start of logisd until every site answers", func(r Result) *figure {
		return subjectLines(r, "relaunch")
	}}},
}

// bars is a group of bars for each measure, with one for each subject, in ms.
func bars(r Result, measures ...string) *figure {
	values := func(measure, subject string) Summary { return Summarize(r.Find(measure, subject, 0)) }
	return grouped("ms", r.subjects(), measures, values)
}

// barsOver is bars of the ratios to a subject, for every measure of the part.
func barsOver(r Result, base string) *figure {
	var measures []string
	for _, l := range r.lines() {
		measures = append(measures, l.measure)
	}
	others := slices.DeleteFunc(r.subjects(), func(s string) bool { return s == base })
	return grouped("× "+base, others, measures, func(measure, subject string) Summary {
		return Ratio(r.Find(measure, subject, 0), r.Find(measure, base, 0))
	})
}

// grouped leaves out subjects and measures that have no values.
func grouped(unit string, subjects, measures []string, value func(measure, subject string) Summary) *figure {
	has := func(measure, subject string) bool { return value(measure, subject).N > 0 }
	subjects = slices.DeleteFunc(slices.Clone(subjects), func(s string) bool {
		return !slices.ContainsFunc(measures, func(m string) bool { return has(m, s) })
	})
	measures = slices.DeleteFunc(slices.Clone(measures), func(m string) bool {
		return !slices.ContainsFunc(subjects, func(s string) bool { return has(m, s) })
	})
	if len(measures) == 0 {
		return nil
	}
	f := newFigure(unit)
	f.plot.NominalX(measures...)
	f.wide(len(measures))
	for i, subject := range subjects {
		var row []Summary
		for _, measure := range measures {
			row = append(row, value(measure, subject))
		}
		f.bars(subject, colorOf(subject, i), row, i, len(subjects))
	}
	return f
}

// stack is a bar for each subject, made of the medians of several measures, in MB.
func stack(r Result, measures ...string) *figure {
	there := slices.DeleteFunc(r.subjects(), func(s string) bool {
		return !slices.ContainsFunc(measures, func(m string) bool { return r.Find(m, s, 0) != nil })
	})
	if len(there) == 0 {
		return nil
	}
	f := newFigure("MB")
	f.plot.NominalX(there...)
	f.wide(len(there))
	sums := make([]float64, len(there))
	for i, measure := range measures {
		var medians []float64
		for j, subject := range there {
			medians = append(medians, 1e-6*Summarize(r.Find(measure, subject, 0)).Median)
			sums[j] += medians[j]
		}
		f.layer(measure, palette[i], medians)
	}
	f.numbers(sums)
	return f
}

// measureLines is a line for each measure of logis over the number of sites.
func measureLines(r Result, unit string, factor float64, axes func(*figure), measures ...string) *figure {
	f := newFigure(unit)
	for i, measure := range measures {
		f.line(measure, palette[i], r.points(measure, Logis, factor))
	}
	return f.over(axes)
}

// subjectLines is a line for each subject, of one measure over the number of sites.
func subjectLines(r Result, measure string) *figure {
	unit, factor := "", 1.0
	for _, l := range r.lines() {
		if l.measure == measure {
			show := l.scale()
			unit, factor = show.name, show.factor
		}
	}
	f := newFigure(unit)
	for i, subject := range r.subjects() {
		f.line(subject, colorOf(subject, i), r.points(measure, subject, factor))
	}
	return f.over(linear)
}

// point is a median at a number of sites.
type point struct {
	x float64
	y Summary
}

func (r Result) points(measure, subject string, factor float64) []point {
	var points []point
	for _, s := range r.Series {
		if s.Measure == measure && s.Subject == subject && len(s.Values) > 0 {
			y := Summarize(s.Values)
			points = append(points, point{s.X, Summary{N: y.N, Median: y.Median * factor, Q1: y.Q1 * factor, Q3: y.Q3 * factor}})
		}
	}
	slices.SortFunc(points, func(a, b point) int { return int(a.x - b.x) })
	return points
}
