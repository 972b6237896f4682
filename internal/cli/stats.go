package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/logis-project/logis/api"
)

const (
	firstSpan = time.Second     // between the two samples of the first rates
	statsSpan = 2 * time.Second // between those of the next
)

func (c *commandLine) stats() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "stats [NAME...]", Short: "Watch what sites use of their limits",
		Long: `Watch what sites use of their limits, on a terminal until Ctrl-C; elsewhere print one
table, of one second. Without names, of all sites.

  CPU      processors in use, of those allowed
  MEMORY   without cache that the kernel can take back
  DISK     as of the last few seconds
  IN/S     bytes received in a second; OUT/S sent
  PIDS     processes and threads
  OOM      processes that the kernel killed for want of memory, since the start

--format json prints counters, once: what is used in a second is told by two.`,
		Example: "  logis stats\n  logis stats alice bob\n  logis stats --format json | jq '.sites[] | {name, usage}'",
		Args: func(cmd *cobra.Command, names []string) error {
			for i, name := range names {
				if slices.Contains(names[:i], name) {
					return usage(cmd, "%q is given twice", name)
				}
			}
			return nil
		},
		ValidArgsFunction: c.completeSites,
		RunE: func(cmd *cobra.Command, names []string) error {
			fd, live := terminal(c.stdout)
			switch {
			case c.format == "json":
				stats, err := c.logisd().Stats(cmd.Context(), names...)
				if err != nil {
					return cannot(err, "read what sites use")
				}
				return c.json(stats)
			case live:
				return cannot(c.watchStats(cmd.Context(), fd, names), "read what sites use")
			}
			return cannot(c.printStats(cmd.Context(), names), "read what sites use")
		},
	})
}

// printStats prints one table.
func (c *commandLine) printStats(ctx context.Context, names []string) error {
	first, err := c.logisd().Stats(ctx, names...)
	if err != nil {
		return err
	}
	if len(first.Sites) == 0 {
		c.printf("%s\n", noSites)
		return nil
	}
	if err := pause(ctx, firstSpan); err != nil {
		return err
	}
	second, err := c.logisd().Stats(ctx, names...)
	if err != nil {
		return err
	}
	for _, line := range statsLines(first, second, 0) {
		c.printf("%s\n", line)
	}
	return nil
}

const noSites = "There is no site yet. Make one with: logis create NAME"

// The alternate screen keeps what was on the terminal; the cursor would blink in the table.
const (
	openScreen  = "\x1b[?1049h\x1b[?25l"
	closeScreen = "\x1b[?25h\x1b[?1049l"
)

// watchStats redraws the table until ctx is done, which is how one ends it, and leaves the last one on the terminal.
func (c *commandLine) watchStats(ctx context.Context, fd int, names []string) error {
	before, err := c.logisd().Stats(ctx, names...)
	if err != nil {
		return err
	}
	now := before
	c.printf("%s", openScreen)
	for span := firstSpan; ; span = statsSpan {
		width, height, sizeErr := term.GetSize(fd)
		if sizeErr != nil {
			width, height = 80, 24
		}
		c.printf("%s", screen(before, now, width, height))
		if err = pause(ctx, span); err != nil {
			break
		}
		next, nextErr := c.logisd().Stats(ctx, names...)
		if err = nextErr; err != nil {
			break
		}
		before, now = now, next
	}
	c.printf("%s", closeScreen)
	if !errors.Is(err, context.Canceled) {
		return err
	}
	width, _, _ := term.GetSize(fd)
	for _, line := range statsLines(before, now, width) {
		c.printf("%s\n", line)
	}
	return nil
}

// screen draws a table over what the screen showed, and a last line that says what it is. Rows that find no place are counted.
func screen(before, now api.Stats, width, height int) string {
	lines := statsLines(before, now, width)
	last := fmt.Sprintf("%s, %s: Ctrl-C ends", count(len(now.Sites), "site"), now.At.Local().Format("15:04:05"))
	if len(now.Sites) == 0 {
		lines = []string{fit(noSites, width)}
	}
	if room := max(height-2, 1); len(lines) > room {
		last = fmt.Sprintf("%d more, ", len(lines)-room) + last
		lines = lines[:room]
	}
	var b bytes.Buffer
	b.WriteString("\x1b[H")
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\r\n")
	}
	b.WriteString("\x1b[K\r\n" + fit(last, width) + "\x1b[J")
	return b.String()
}

// pause waits, or returns why ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
