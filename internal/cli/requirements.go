package cli

import (
	"fmt"
	"strings"

	"github.com/logis-project/logis/api"
)

// groups are the parts of a host, in the order that they are shown, with their titles.
var groups = [...]struct{ name, title string }{
	{"host", "Host"}, {"network", "Network"}, {"disk", "Disk"}, {"sites", "Sites"},
}

// requirements prints what logis needs of the host, a line each below its part of it, and what to make of that.
func (c *commandLine) requirements(all []api.Check) {
	width := 0
	for _, r := range all {
		width = max(width, len([]rune(clean(r.What))))
	}
	number := map[string]int{}
	for _, g := range groups {
		head := g.title + "\n"
		for _, r := range all {
			if r.Group != g.name {
				continue
			}
			number[r.Status]++
			what := clean(r.What)
			c.printf("%s  %-7s  %s%s  %s\n", head, r.Status, what, strings.Repeat(" ", width-len([]rune(what))), clean(withMend(r.Found, r.Mend)))
			head = ""
		}
	}
	c.printf("\n%s\n", summary(number))
}

// summary says what the requirements come to.
func summary(number map[string]int) string {
	ok, warnings, missing := number[api.CheckOK], number[api.CheckWarning], number[api.CheckMissing]
	switch {
	case warnings+missing == 0:
		return fmt.Sprintf("This host has what logis needs (%s).", count(ok, "requirement"))
	case missing == 0:
		return fmt.Sprintf("This host has what logis needs (%s, %s to read).", count(ok+warnings, "requirement"), count(warnings, "warning"))
	}
	return fmt.Sprintf("This host lacks %d of %s that logis or its websites cannot do without (%s to read).",
		missing, count(ok+warnings+missing, "requirement"), count(warnings, "warning"))
}
