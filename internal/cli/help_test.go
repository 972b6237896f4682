package cli_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/cli"
)

// TestHelps has the help of every command in one voice: a line of what it does, an example, no line beyond 80 columns.
func TestHelps(t *testing.T) {
	var all strings.Builder
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		r := run(t, "", "", append(path, "--help")...)
		if r.status != 0 || r.err != "" {
			t.Errorf("%q: %+v", path, r)
		}
		for line := range strings.Lines(r.out) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%q: a line of %d columns: %s", path, n, line)
			}
		}
		first, _ := utf8.DecodeRuneInString(c.Short)
		if !unicode.IsUpper(first) || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%q: %q is no line such as \"List all sites\"", path, c.Short)
		}
		if c.Runnable() && c.Example == "" {
			t.Errorf("%q has no example", path)
		}
		all.WriteString("$ logis " + strings.Join(append(path, "--help"), " ") + "\n" + r.out + "\n")
		for _, sub := range c.Commands() {
			if !sub.Hidden {
				visit(sub)
			}
		}
	}
	visit(cli.Commands())
	golden(t, "helps", all.String())
}
