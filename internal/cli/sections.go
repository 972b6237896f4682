package cli

import "strings"

// field is a name and what is said of it.
type field struct {
	name  string
	value cell
}

const fieldIndent = "  "

// sections prints a title and groups of fields, an empty line before each. Fields without a value are left out, groups without
// fields too; a name that is empty goes on with the one before. On a terminal a long value goes on below where it began.
func (c *commandLine) sections(title []cell, groups [][]field) {
	names := 0
	for _, group := range groups {
		for _, f := range group {
			names = max(names, columnsOf(f.name))
		}
	}
	for _, t := range title {
		c.printf("%s", c.tint(t.paint, clean(t.text)))
	}
	c.printf("\n")
	begin, width := len(fieldIndent)+names+2, c.width()
	for _, group := range groups {
		first := true
		for _, f := range group {
			if f.value.text == "" {
				continue
			}
			if first {
				c.printf("\n")
				first = false
			}
			lead := fieldIndent + pad(f.name, names) + "  "
			for _, part := range wrap(clean(f.value.text), begin, begin, width) {
				c.printf("%s%s\n", lead, c.tint(f.value.paint, part))
				lead = strings.Repeat(" ", begin)
			}
		}
	}
}
