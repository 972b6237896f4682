package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// debianChangelog writes the newest part of CHANGELOG.md, the list of its first "## " section, as an entry of
// deb-changelog(5).
func debianChangelog(markdown, name, version, maintainer string, date time.Time) (string, error) {
	_, section, _ := strings.Cut(markdown, "\n## ")
	section, _, _ = strings.Cut(section, "\n## ")
	var items []string
	listed := false // the line before belongs to an item, which an indented line continues
	for line := range strings.Lines(section) {
		text, begins := strings.CutPrefix(line, "- ")
		switch {
		case begins:
			items = append(items, text)
		case listed && strings.HasPrefix(line, "  "):
			items[len(items)-1] += line
		}
		listed = begins || listed && strings.HasPrefix(line, "  ")
	}
	if len(items) == 0 {
		return "", errors.New("its first section has no list")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) unstable; urgency=medium\n\n", name, version)
	for _, item := range items {
		b.WriteString(entry(item))
	}
	fmt.Fprintf(&b, "\n -- %s  %s\n", maintainer, date.Format(time.RFC1123Z))
	return b.String(), nil
}

// entry is one change, in lines of at most 79 characters.
func entry(text string) string {
	const width = 79
	lines := []string{"  *"}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		if len(*last)+1+len(word) > width {
			lines = append(lines, "   ")
			last = &lines[len(lines)-1]
		}
		*last += " " + word
	}
	return strings.Join(lines, "\n") + "\n"
}
