package cli

import (
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// columnsOf is how many columns of a terminal text takes: wide characters take two (UAX #11), combining ones none. What the
// caller's locale says of ambiguous ones is left aside, so that a table looks alike everywhere.
func columnsOf(s string) int { return widths.StringWidth(s) }

var widths = &runewidth.Condition{StrictEmojiNeutral: true}

// shorten cuts text to at most so many columns; an ellipsis, U+2026, then stands for the rest.
func shorten(s string, columns int) string {
	if columns <= 0 {
		return ""
	}
	return widths.Truncate(s, columns, "…")
}

// pad fills text with spaces to so many columns.
func pad(s string, columns int) string { return s + strings.Repeat(" ", max(columns-columnsOf(s), 0)) }

// width is how many columns a line of standard output may have: those of the terminal, the classic 80 where it does not say,
// and 0, which is no bound, where there is none.
func (c *commandLine) width() int {
	fd, ok := terminal(c.stdout)
	if !ok {
		return 0
	}
	if w, _, err := term.GetSize(fd); err == nil && w > 0 {
		return w
	}
	return 80
}
