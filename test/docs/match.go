package docs

import (
	"fmt"
	"regexp"
	"strings"
)

// Ellipsis stands for any text within a line of output.
const Ellipsis = "…"

// Match compares what commands printed with what a guide shows of it: each line that is shown must be there, in this order,
// whatever stands between them. Runs of blanks are one blank, and … is any text. A line of … alone says nothing.
func Match(shown, printed string) error {
	lines := strings.Split(printed, "\n")
	next := 0
	for want := range strings.Lines(shown) {
		want = squeeze(want)
		if want == "" || want == Ellipsis {
			continue
		}
		pattern := pattern(want)
		for next < len(lines) && !pattern.MatchString(squeeze(lines[next])) {
			next++
		}
		if next == len(lines) {
			return fmt.Errorf("no line %q, in this place", want)
		}
		next++
	}
	return nil
}

func squeeze(line string) string { return strings.Join(strings.Fields(line), " ") }

func pattern(want string) *regexp.Regexp {
	parts := strings.Split(want, Ellipsis)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
}
