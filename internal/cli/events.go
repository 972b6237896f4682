package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

func (c *commandLine) events() *cobra.Command {
	var opts client.EventsOptions
	cmd := &cobra.Command{
		Use: "events", Short: "Print what happened: to sites, images and logisd itself",
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
		Example: "  logis events\n  logis events -f\n  logis events --format json | jq -r 'select(.type == \"site.died\").site'",
		Args: func(cmd *cobra.Command, args []string) error {
			if opts.Lines < 0 || opts.Lines > maxLogLines {
				return usage(cmd, "--lines is from 0 to %d", maxLogLines)
			}
			return exactly()(cmd, args)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, show := cmd.Context(), func(ctx context.Context) error { return c.printEvents(ctx, opts) }
			if opts.Follow {
				return cannot(c.following(ctx, show), "read the events")
			}
			return cannot(show(ctx), "read the events")
		},
	}
	cmd.Flags().IntVarP(&opts.Lines, "lines", "n", 100, "how many of the last events")
	cmd.Flags().BoolVarP(&opts.Follow, "follow", "f", false, "go on with what comes")
	return c.formats(cmd)
}

// printEvents prints events. A table of what has happened is as wide as its names; that of what comes begins with the names
// that there are.
func (c *commandLine) printEvents(ctx context.Context, opts client.EventsOptions) error {
	if c.format == "json" {
		return c.logisd().Events(ctx, opts, c.eventPrinter())
	}
	if opts.Follow {
		var names []string
		if sites, err := c.logisd().Sites(ctx); err == nil {
			for _, s := range sites {
				names = append(names, s.Name)
			}
		}
		t := c.newEventTable(names...)
		return c.logisd().Events(ctx, opts, func(e api.Event) error { t.add(e); return nil })
	}
	var all []api.Event
	err := c.logisd().Events(ctx, opts, func(e api.Event) error { all = append(all, e); return nil })
	t := c.newEventTable()
	for _, e := range all {
		t.fit(e.Site)
	}
	for _, e := range all {
		t.add(e)
	}
	return err
}

// eventPrinter prints each event when it comes, an object a line.
func (c *commandLine) eventPrinter() func(api.Event) error {
	enc := json.NewEncoder(c.Out)
	enc.SetEscapeHTML(false)
	return func(e api.Event) error { return enc.Encode(e) }
}

// eventTable prints events as a table.
type eventTable struct {
	c       *commandLine
	width   int // of the terminal; 0 is none
	site    int // columns of the names
	started bool
}

const (
	eventSite  = 10 // columns of the names, at least
	eventType  = 15 // all types fit
	eventText  = 24 // columns that a terminal keeps for the message
	eventOther = len("2006-01-02 15:04:05") + 2 + 2 + eventType + 2
)

// newEventTable makes a table in which these names of sites fit: on a terminal with room for them, and elsewhere always.
func (c *commandLine) newEventTable(names ...string) *eventTable {
	t := &eventTable{c: c, width: c.width(), site: eventSite}
	for _, name := range names {
		t.fit(name)
	}
	return t
}

// fit makes room for a name, and returns what is shown of it.
func (t *eventTable) fit(name string) string {
	name = clean(name)
	t.site = max(t.site, columnsOf(name))
	if t.width > 0 {
		t.site = min(t.site, max(t.width-eventOther-eventText, eventSite))
	}
	return shorten(name, t.site)
}

// add prints an event, the first below the heads.
func (t *eventTable) add(e api.Event) {
	name := t.fit(e.Site)
	if !t.started {
		t.started = true
		t.row("TIME", "SITE", cell{"EVENT", plainly}, "MESSAGE")
	}
	t.row(date(e.Time), name, cell{clean(e.Type), eventPaint(e.Type)}, clean(whatHappened(e)))
}

// row prints a row. On a terminal a message that is longer than the line goes on below where it began.
func (t *eventTable) row(at, site string, kind cell, message string) {
	before := fmt.Sprintf("%-19s  %s  ", at, pad(site, t.site))
	lead := before + t.c.tint(kind.paint, kind.text) + pad("", eventType-columnsOf(kind.text)) + "  "
	begin := columnsOf(before) + max(eventType, columnsOf(kind.text)) + 2
	for _, part := range wrap(message, begin, eventOther+t.site, t.width) {
		t.c.printf("%s\n", strings.TrimRight(lead+part, " "))
		lead = strings.Repeat(" ", eventOther+t.site)
	}
}

// eventPaint is how the type of an event is shown.
func eventPaint(kind string) paint {
	switch kind {
	case "site.failed", "site.died", "site.oom", "site.undone", "rules.lost", "events.lost":
		return bad
	case "site.memory", "site.disk", "rules.restored", "site.restarted":
		return busy
	}
	return plainly
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

// whatHappened is the message with the time that it took.
func whatHappened(e api.Event) string {
	if e.Seconds <= 0 {
		return e.Message
	}
	in := "in " + took(time.Duration(e.Seconds*float64(time.Second)))
	return strings.TrimSpace(e.Message + " " + in)
}
