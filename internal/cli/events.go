package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

func (c *commandLine) events() *cobra.Command {
	var opts client.EventsOptions
	cmd := &cobra.Command{
		Use: "events", Short: "Print what happened: sites made, started, died; images; logisd itself",
		Long: `Print what happened, oldest first. Events outlive logisd and a reboot; about the
last 10,000 are kept. They are:

  site.created, destroyed, started, stopped, changed
  site.failed      a start, a stop or a destroy did not come to its end
  site.died        its PID 1 ended though nobody wanted it to
  site.restarted   by logisd itself, after it died or failed
  site.adopted     it ran on while logisd was away
  site.memory      its memory is 80 %, or 100 %, full (cache not counted that
                   the kernel can take back); again only after less was used
  site.disk        its disk is 80 %, or 100 %, full
  site.oom         the kernel killed processes of it for want of memory
  site.undone      half made or half destroyed: all of it is gone
  site.swept       what belonged to no site is removed
  image.built, imported, removed
  rules.restored   another program had deleted the nftables rules
  rules.lost       and they could not be loaded again: see logis doctor
  daemon.started, stopping
  sites.halted     all were stopped, as the host shut down
  boot.finished    how many sites are up, and why the others are not
  events.lost      events came faster than they were read`,
		Example: "  logis events\n  logis events -f\n  logis events -n 1000 --format json | jq -r 'select(.type == \"site.died\") | .site'",
		Args: func(cmd *cobra.Command, args []string) error {
			if opts.Lines < 0 || opts.Lines > maxLogLines {
				return usage(cmd, "--lines is from 0 to %d", maxLogLines)
			}
			return exactly()(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := c.logisd().Events(cmd.Context(), opts, c.eventPrinter())
			if opts.Follow && errors.Is(err, context.Canceled) {
				return nil // Ctrl-C is how one stops following
			}
			return cannot(err, "read the events")
		},
	}
	cmd.Flags().IntVarP(&opts.Lines, "lines", "n", 100, "how many of the last events")
	cmd.Flags().BoolVarP(&opts.Follow, "follow", "f", false, "go on with what comes")
	return c.formats(cmd)
}

// The table's columns are fixed, since what comes is not known yet: times and all types fit, and most names. A terminal of
// 80 columns has 30 left for the message.
const (
	eventSite    = 10
	eventType    = 15
	eventMessage = len("2006-01-02 15:04:05") + 2 + eventSite + 2 + eventType + 2 // column where it begins
)

// eventPrinter prints each event when it comes: a row of the table, the first below the heads, or an object a line.
func (c *commandLine) eventPrinter() func(api.Event) error {
	if c.format == "json" {
		enc := json.NewEncoder(c.Out)
		enc.SetEscapeHTML(false)
		return func(e api.Event) error { return enc.Encode(e) }
	}
	begun := false
	return func(e api.Event) error {
		if !begun {
			begun = true
			c.eventRow("TIME", "SITE", "EVENT", "MESSAGE")
		}
		c.eventRow(date(e.Time), clean(e.Site), clean(e.Type), clean(eventText(e)))
		return nil
	}
}

// eventRow prints a row. On a terminal a message that is longer than the line goes on below where it began.
func (c *commandLine) eventRow(at, site, kind, message string) {
	row := fmt.Sprintf("%-19s  %-*s  %-*s  ", at, eventSite, site, eventType, kind)
	width := 0
	if fd, ok := terminal(c.stdout); ok {
		width, _, _ = term.GetSize(fd)
	}
	for _, part := range wrap(message, utf8.RuneCountInString(row), eventMessage, width) {
		c.printf("%s\n", strings.TrimRight(row+part, " "))
		row = strings.Repeat(" ", eventMessage)
	}
}

// wrap breaks text at spaces into lines of width columns, the first of which begins at column first and the others at column
// next. A width that leaves less than 20 columns breaks nothing.
func wrap(text string, first, next, width int) []string {
	if width < max(first, next)+20 {
		return []string{text}
	}
	var lines []string
	line, room := "", width-first
	for word := range strings.FieldsSeq(text) {
		if line != "" && columnsOf(line)+1+columnsOf(word) > room {
			lines = append(lines, line)
			line, room = word, width-next
			continue
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// eventText is the message with the time that it took.
func eventText(e api.Event) string {
	if e.Seconds <= 0 {
		return e.Message
	}
	in := "in " + took(time.Duration(e.Seconds*float64(time.Second)))
	return strings.TrimSpace(e.Message + " " + in)
}
