package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got, err := Parse(`# Title

~~ ~~
<!-- test: copy a b -->
` + "```sh server\nlogis list\n```\n\nIt prints\n\n```output\nNAME  …\n```\n" +
		"```toml\nkey = 1\n```\n```sh laptop anna not-run: nobody is there\nreboot\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		{Line: 4, Directive: []string{"copy", "a", "b"}},
		{Line: 5, Place: Server, Commands: "logis list\n", Output: "NAME  …\n"},
		{Line: 17, Place: Laptop, Person: "anna", Commands: "reboot\n", NotRun: "nobody is there"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What a test would pass over in silence is an error.
func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"    logis list\n":                    "line 1: an indented block",
		"```\nlogis list\n```\n":              "does not say what it is",
		"```sh\nlogis list\n```\n":            "where they are typed",
		"```sh moon\nlogis list\n```\n":       `no place "moon"`,
		"```sh site\nls\n```\n":               "a place in 2 words",
		"```sh server anna\nls\n```\n":        "a place in 1 words",
		"```sh server not-run:  \nls\n```\n":  "not said why",
		"```bash server\nlogis list\n```\n":   `block of "bash"`,
		"text\n```sh server\nlogis list\n":    "line 2: the block is not closed",
		"```output\nNAME\n```\n":              "output of no commands",
		"<!-- test: copy a\nb -->\n":          "does not end",
		"```text\n```\n\n```output\nx\n```\n": "output of no commands",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

func TestMatch(t *testing.T) {
	const printed = "NAME   STATE    PORT\nanna   running  22001\nben    stopped  22002\n"
	for shown, fits := range map[string]bool{
		"":                               true,
		"…\n":                            true,
		"anna running 22001\n":           true,
		"NAME  …\nben   …  22002\n":      true,
		"ben  …\nanna  …\n":              false, // in another order
		"anna   …\nanna   …\n":           false, // twice
		"anna\n":                         false, // not the whole line
		"an.a running 22001\n":           false, // no pattern but …
		"carol …\n":                      false,
		"NAME …\n\n…\nben stopped 22002": true,
	} {
		if err := Match(shown, printed); (err == nil) != fits {
			t.Errorf("%q: %v, want it to fit: %t", shown, err, fits)
		}
	}
}

// Guides are run by TestDocs (test/e2e), in this order, on one server.
func TestGuides(t *testing.T) {
	const most = 12 // blocks that no test runs, in all of them
	skipped := 0
	for _, name := range Guides() {
		text, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		blocks, err := Parse(string(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, b := range blocks {
			if b.NotRun != "" {
				skipped++
				t.Logf("%s:%d is not run: %s", name, b.Line, b.NotRun)
			}
		}
	}
	if skipped > most {
		t.Errorf("%d blocks of the guides are not run, more than %d", skipped, most)
	}
}
