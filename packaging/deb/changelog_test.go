package main

import (
	"testing"
	"time"
)

func TestDebianChangelog(t *testing.T) {
	const markdown = `# Changes

## 0.2.0

Words around the list are not of it.

- A first change that is told in more words than fit into one line of seventy-nine characters,
  over two lines of the file.
- A second.

More words.

## 0.1.0

- An old one.
`
	const want = `logis (0.2.0) unstable; urgency=medium

  * A first change that is told in more words than fit into one line of
    seventy-nine characters, over two lines of the file.
  * A second.

 -- A Name <a@example.org>  Tue, 14 Nov 2023 22:13:20 +0000
`
	date := time.Unix(1700000000, 0).UTC()
	got, err := debianChangelog(markdown, "logis", "0.2.0", "A Name <a@example.org>", date)
	if got != want || err != nil {
		t.Errorf("%s\n%v, want\n%s", got, err, want)
	}
	for _, wrong := range []string{"", "# Changes\n", "# Changes\n\n## 0.1.0\n\nNo list.\n"} {
		if got, err := debianChangelog(wrong, "logis", "0.1.0", "A Name <a@example.org>", date); err == nil {
			t.Errorf("%q gives %q", wrong, got)
		}
	}
}
