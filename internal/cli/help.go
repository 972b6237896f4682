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

// fold breaks the lines of text at helpWidth. Lines that begin with a space stay as they are: they show something.
func fold(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		column := 0
		if strings.HasPrefix(line, " ") {
			b.WriteString(strings.TrimSuffix(line, "\n"))
			line = line[len(line)-1:]
		}
		for word := range strings.FieldsSeq(line) {
			width := len([]rune(word))
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
		if strings.HasSuffix(line, "\n") {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
