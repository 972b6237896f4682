package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how wide a help is at most, in columns: it is read on small terminals, and in pagers.
const helpWidth = 80

// fitHelp makes the helps of a command and of all below it fit helpWidth.
func fitHelp(root *cobra.Command) {
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 80 "))
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		text := cmd.Long
		if text == "" {
			text = cmd.Short + "."
		}
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", fold(strings.TrimSpace(text)), cmd.UsageString()) // output remembers an error
	})
}

// fold fills the lines of each paragraph of text up to helpWidth. Lines that begin with a space stay as they are: they show
// something.
func fold(text string) string {
	var b strings.Builder
	column := 0 // of the line that is being filled
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == ' ' {
			if column > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(line + "\n")
			column = 0
			continue
		}
		for word := range strings.FieldsSeq(line) {
			width := columnsOf(word)
			switch {
			case column == 0:
			case column+1+width > helpWidth:
				b.WriteByte('\n')
				column = 0
			default:
				b.WriteByte(' ')
				column++
			}
			b.WriteString(word)
			column += width
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
