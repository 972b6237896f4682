package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/quantity"
)

// clean makes one harmless line of text that may come from inside a site: line ends and tabs become spaces, and whatever
// could move a terminal's cursor, change its state or the reading direction becomes U+FFFD.
func clean(s string) string {
	s = strings.TrimRight(s, "\r\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r): // also C1 controls and the format characters, such as U+202E
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// table prints aligned columns, every cell cleaned.
func (c *commandLine) table(head []string, rows [][]string) {
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = clean(cell)
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
	}
	_ = w.Flush()
}

// block prints a title and indented name and value lines. Values that are empty are left out; a name that is empty goes
// on with the one before.
func (c *commandLine) block(title string, rows [][2]string) {
	c.printf("%s\n", clean(title))
	w := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		if row[1] != "" {
			_, _ = fmt.Fprintf(w, "  %s\t%s\n", clean(row[0]), clean(row[1]))
		}
	}
	_ = w.Flush()
}

// json prints v as the contract's JSON. Control characters are escaped by the encoding, C1 and format characters are not:
// a program reads this.
func (c *commandLine) json(v any) error {
	enc := json.NewEncoder(c.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// formats adds --format to a command that lists or shows.
func (c *commandLine) formats(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&c.format, "format", "table", "table or json")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json"}, cobra.ShellCompDirectiveNoFileComp))
	args := cmd.Args
	cmd.Args = func(cmd *cobra.Command, operands []string) error {
		if c.format != "table" && c.format != "json" {
			return usage(cmd, "--format is table or json, not %q", c.format)
		}
		return args(cmd, operands)
	}
	return cmd
}

// count writes "1 cpu" and "2 cpus".
func count[N int | float64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%v %s", n, noun)
}

// of writes "47MiB/512MiB".
func of(used, limit int64) string { return quantity.Format(used) + "/" + quantity.Format(limit) }

// date writes a time for reading, in the caller's zone; the zero time is empty.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// took writes how long something took: "0.42 s".
func took(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
