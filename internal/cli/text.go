package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
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

// table prints aligned columns of whatever length, every cell cleaned: for rows that hold sentences. See grid for the others.
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

// date writes a time for reading, in the caller's zone; the zero time is empty.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// age writes how long ago something began, in at most four columns: "7s", "59m", "47h", "99d", "12y".
func age(d time.Duration) string {
	const day, year = 24 * time.Hour, 365 * 24 * time.Hour
	for _, step := range []struct {
		below, unit time.Duration
		name        string
	}{{time.Minute, time.Second, "s"}, {time.Hour, time.Minute, "m"}, {2 * day, time.Hour, "h"}, {2 * year, day, "d"}} {
		if d < step.below {
			return fmt.Sprintf("%d%s", max(d, 0)/step.unit, step.name)
		}
	}
	return fmt.Sprintf("%dy", d/year)
}

// took writes how long something took: "0.42 s".
func took(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
