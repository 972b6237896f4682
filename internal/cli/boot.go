package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/logis-project/logis/api"
)

// mostBooted bounds the lines of a boot report.
const mostBooted = 20

// bootReport prints what became of the sites that should run, those that failed first, then those that took longest.
func (c *commandLine) bootReport(r api.BootReport) {
	if len(r.Sites) == 0 {
		return
	}
	tally := map[string]int{}
	for _, s := range r.Sites {
		tally[s.Outcome]++
	}
	var parts []string
	for _, outcome := range []string{"up", "adopted", "waiting", "interrupted", "failed"} {
		if n := tally[outcome]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, outcome))
		}
	}
	title := "Last boot, " + date(r.BeganAt) + ": " + strings.Join(parts, ", ")
	if !r.EndedAt.IsZero() {
		title += " in " + took(r.EndedAt.Sub(r.BeganAt))
	}
	sites := slices.DeleteFunc(slices.Clone(r.Sites), func(s api.BootSite) bool { return s.Outcome == "adopted" })
	slices.SortStableFunc(sites, func(a, b api.BootSite) int {
		return cmp.Or(cmp.Compare(urgency(a), urgency(b)), cmp.Compare(b.Seconds, a.Seconds))
	})
	var rows [][]string
	for _, s := range sites[:min(len(sites), mostBooted)] {
		text := s.Error
		if s.Outcome == "up" {
			text = "in " + took(time.Duration(s.Seconds*float64(time.Second)))
		}
		rows = append(rows, []string{"  " + s.Outcome, s.Name, text})
	}
	c.table([]string{title}, rows)
	if more := len(sites) - mostBooted; more > 0 {
		c.printf("  and %d more: see --format json\n", more)
	}
	c.printf("\n")
}

func urgency(s api.BootSite) int {
	return slices.Index([]string{"failed", "interrupted", "waiting", "up"}, s.Outcome)
}
