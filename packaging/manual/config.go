package main

import (
	"fmt"
	"strings"

	"github.com/logis-project/logis/internal/config"
)

const configHead = `# logis.toml, read by logisd and logis-proxy. Every key has a default, the one shown; an unknown key is an error.
# After a change: logisd --check, then restart the daemons; the sites go on running meanwhile. Made from internal/config.
`

// configFile is the commented file that is installed: every key with its default.
func configFile(sections []config.Section) []byte {
	var b strings.Builder
	b.WriteString(configHead)
	for _, s := range sections {
		if s.Name != "" {
			b.WriteString("\n")
			comment(&b, s.Text)
			fmt.Fprintf(&b, "[%s]\n", s.Name)
		}
		for i, k := range s.Keys {
			if s.Name == "" || i > 0 && strings.Contains(k.Text, "\n") {
				b.WriteString("\n")
			}
			comment(&b, k.Text)
			fmt.Fprintf(&b, "#%s = %s\n", k.Name, k.Default)
		}
	}
	return []byte(b.String())
}

// comment writes text as comments of at most 120 columns.
func comment(b *strings.Builder, text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString("#\n")
		}
		line := "#"
		for word := range strings.FieldsSeq(paragraph) {
			if len(line)+1+len(word) > 120 {
				b.WriteString(line + "\n")
				line = "#"
			}
			line += " " + word
		}
		if line != "#" {
			b.WriteString(line + "\n")
		}
	}
}

const (
	configPageHead = `.TH LOGIS.TOML 5 "" logis "logis"
.SH NAME
logis.toml \- configuration of logisd and logis\-proxy
.SH SYNOPSIS
.I /etc/logis/logis.toml
.SH DESCRIPTION
Both daemons read this file, in TOML, when they start; the sites go on running while they are restarted after a change.
Every key has a default, which is shown. What cannot be taken is an error of one line, with file, line, key, what is wrong and what is
allowed;
.B "logisd \-\-check"
looks for one before a restart.
`
	configPageFoot = `.SH SEE ALSO
.BR logis (1),
.BR logisd (8),
.BR logis\-proxy (8)
`
)

// configPage is logis.toml(5), in man(7).
func configPage(sections []config.Section) []byte {
	var b strings.Builder
	b.WriteString(configPageHead)
	for _, s := range sections {
		name := "At the top of the file"
		if s.Name != "" {
			name = "[" + s.Name + "]"
		}
		fmt.Fprintf(&b, ".SS %s\n", name)
		if s.Text != "" {
			b.WriteString(paragraphs(s.Text, ".PP"))
		}
		for _, k := range s.Keys {
			fmt.Fprintf(&b, ".TP\n\\fB%s\\fR = %s\n%s", literal(k.Name), literal(k.Default), paragraphs(k.Text, ".IP"))
		}
	}
	b.WriteString(configPageFoot)
	return []byte(b.String())
}

// paragraphs writes text for man(7), with a request between paragraphs.
func paragraphs(text, between string) string {
	parts := strings.Split(text, "\n\n")
	for i, p := range parts {
		parts[i] = literal(p) + "\n"
	}
	return strings.Join(parts, between+"\n")
}

// configReference is the same for docs/reference, in Markdown.
func configReference(sections []config.Section) []byte {
	var b strings.Builder
	b.WriteString("# logis.toml\n\n" + generated +
		"\nBoth daemons read `/etc/logis/logis.toml` when they start (`--config FILE` names another). Every key has a default; what cannot\n" +
		"be taken is an error of one line, which `logisd --check` shows before a restart. The sites go on running while the daemons are restarted after a change.\n")
	for _, s := range sections {
		if s.Name != "" {
			fmt.Fprintf(&b, "\n## [%s]\n", s.Name)
		}
		if s.Text != "" {
			fmt.Fprintf(&b, "\n%s\n", markdown(s.Text))
		}
		b.WriteString("\n| key | default | |\n|---|---|---|\n")
		for _, k := range s.Keys {
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", k.Name, k.Default, strings.ReplaceAll(markdown(k.Text), "\n\n", "<br>"))
		}
	}
	return []byte(b.String())
}

// markdown keeps what GitHub would read as HTML or emphasis as it is; text between backquotes is code there too.
func markdown(s string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", "*", `\*`, "|", `\|`).Replace(s)
}
