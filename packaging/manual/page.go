package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// common ends logis(1): what holds for every command.
//
//go:embed common.man
var common string

// page is a command's page in man(7).
func page(c *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, ".TH %s 1 \"\" logis \"logis\"\n", strings.ToUpper(pageName(c)))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", literal(pageName(c)), prose(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n%s\n", synopsis(c))
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", description(c))
	if subs := subcommands(c); len(subs) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range subs {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR(1)\n%s.\n", literal(pageName(sub)), prose(sub.Short))
		}
	}
	if flags := options(c); len(flags) > 0 {
		b.WriteString(".SH OPTIONS\n")
		for _, f := range flags {
			b.WriteString(f)
		}
	}
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n.EX\n")
		for line := range strings.Lines(c.Example) {
			fmt.Fprintf(&b, "%s\n", literal(strings.TrimSpace(line)))
		}
		b.WriteString(".EE\n")
	}
	if !c.HasParent() {
		b.WriteString(common)
		return b.Bytes()
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n\\fB%s\\fR(1)\n", literal(pageName(c.Parent())))
	return b.Bytes()
}

// pageName is what a command's page is called: logis-image-build.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// subcommands are those that a page is written for, in the order of the help.
func subcommands(c *cobra.Command) []*cobra.Command {
	var subs []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
			subs = append(subs, sub)
		}
	}
	return subs
}

func synopsis(c *cobra.Command) string {
	name := "\\fB" + literal(c.CommandPath()) + "\\fR [\\fIOPTION\\fR]..."
	if len(subcommands(c)) > 0 {
		return name + " \\fICOMMAND\\fR ..."
	}
	_, arguments, _ := strings.Cut(c.Use, " ")
	return strings.TrimSpace(name + " " + literal(arguments))
}

// description is the command's long text. A paragraph that is indented keeps its lines as they are, as in the help.
func description(c *cobra.Command) string {
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString("\n.PP\n")
		}
		if strings.HasPrefix(paragraph, "  ") {
			b.WriteString(".nf\n" + prose(paragraph) + "\n.fi")
			continue
		}
		var lines []string
		for line := range strings.Lines(paragraph) {
			lines = append(lines, prose(strings.TrimSpace(line)))
		}
		b.WriteString(strings.Join(lines, "\n"))
	}
	return b.String()
}

// options are the entries of a command's own flags, then of those that every command has.
func options(c *cobra.Command) []string {
	var entries []string
	add := func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" || f.Name == "help" {
			return
		}
		value, usage := flagText(f)
		entry := ".TP\n"
		if f.Shorthand != "" {
			entry += "\\fB\\-" + f.Shorthand + "\\fR, "
		}
		entry += "\\fB\\-\\-" + literal(f.Name) + "\\fR"
		if value != "" {
			entry += " \\fI" + literal(value) + "\\fR"
		}
		entries = append(entries, entry+"\n"+prose(usage)+"\n")
	}
	c.NonInheritedFlags().VisitAll(add)
	c.InheritedFlags().VisitAll(add)
	return entries
}

// literal keeps what is typed as it is: roff(7) would print other characters for these.
func literal(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`, `"`, `\(dq`).Replace(s)
	if strings.HasPrefix(s, ".") {
		return `\&` + s
	}
	return s
}

// prose is a line of text, in which a backslash, and a full stop or an apostrophe that begins it, mean nothing to roff(7).
func prose(s string) string {
	s = strings.NewReplacer(`\`, `\e`, " --", ` \-\-`, " -", ` \-`, "`", `\(ga`, "~", `\(ti`, "^", `\(ha`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}
