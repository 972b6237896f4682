package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const generated = "<!-- Made from the code: go test ./packaging/manual -update -->\n"

// commandReference is every command for docs/reference, in Markdown.
func commandReference(root *cobra.Command) []byte {
	var b strings.Builder
	b.WriteString("# Commands\n\n" + generated)
	fmt.Fprintf(&b, "\n%s\n\n| command | |\n|---|---|\n", strings.TrimSpace(root.Long))
	each(root, func(c *cobra.Command) {
		if c.Runnable() && c.HasParent() {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
		}
	})
	each(root, func(c *cobra.Command) {
		if c.HasParent() {
			b.WriteString(commandSection(c))
		}
	})
	b.WriteString("\n## Options of every command\n\n" + flagTable(root.PersistentFlags()))
	return []byte(b.String())
}

// each calls f with a command and all below it, in the order of the help.
func each(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range subcommands(c) {
		each(sub, f)
	}
}

func commandSection(c *cobra.Command) string {
	var b strings.Builder
	text := strings.TrimSpace(c.Long)
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(&b, "\n## %s\n\n", c.CommandPath())
	if c.Runnable() {
		fmt.Fprintf(&b, "    %s\n\n", c.UseLine())
	}
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		if strings.HasPrefix(paragraph, "  ") {
			b.WriteString("```\n" + paragraph + "\n```\n")
			continue
		}
		b.WriteString(markdown(paragraph) + "\n")
	}
	if table := flagTable(c.LocalNonPersistentFlags()); table != "" {
		b.WriteString("\n" + table)
	}
	if c.Example != "" {
		b.WriteString("\n```\n")
		for line := range strings.Lines(c.Example) {
			b.WriteString(strings.TrimPrefix(strings.TrimRight(line, "\n"), "  ") + "\n")
		}
		b.WriteString("```\n")
	}
	return b.String()
}

// flagTable is "" where there is no flag but --help.
func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := flagText(f)
		spelling := "--" + f.Name
		if f.Shorthand != "" {
			spelling = "-" + f.Shorthand + ", " + spelling
		}
		if value != "" {
			spelling += " " + value
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", spelling, markdown(usage))
	})
	if b.Len() == 0 {
		return ""
	}
	return "| option | |\n|---|---|\n" + b.String()
}
