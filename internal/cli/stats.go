package cli

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

const (
	firstSpan = time.Second     // between the two samples of the first rates
	statsSpan = 2 * time.Second // between those of the next
)

func (c *commandLine) stats() *cobra.Command {
	var order string
	cmd := c.formats(&cobra.Command{
		Use: "stats [NAME...]", Short: "Watch what sites use of their limits, and how they are visited",
		Long: `Watch what sites use of their limits and how they are visited: on a terminal until
q or Ctrl-C, elsewhere one table, of one second. Without names, of all sites.

  CPU       processors in use, of those allowed
  MEMORY    without cache that the kernel can take back
  DISK      as of the last few seconds; the share is of what is fuller, the
            whole disk or what of it files may use: the rest is kept for the
            database
  IN/S      bytes received in a second; OUT/S sent
  REQ/S     requests in a second; REQUESTS all that logis-proxy has counted
            for the site; 5XX/S those that failed by the site's fault
  PIDS      processes and threads
  OOM       processes that the kernel killed for want of memory, since the start

A narrow terminal shows fewer columns. A dash is what is not known: of a site that
does not run, or of requests while logis-proxy does not. --format json prints
counters, once: what is used in a second is told by two.`,
		Example: "  logis stats\n  logis stats alice bob\n  logis stats --sort requests\n  logis stats --format json | jq '.sites[] | {name, usage, requests}'",
		Args: func(cmd *cobra.Command, names []string) error {
			if !slices.Contains(statsOrders, order) {
				return usage(cmd, "--sort is %s, not %q", oneOf(statsOrders), order)
			}
			for i, name := range names {
				if slices.Contains(names[:i], name) {
					return usage(cmd, "%q is given twice", name)
				}
			}
			return nil
		},
		ValidArgsFunction: c.completeSites,
		RunE: func(cmd *cobra.Command, names []string) error {
			_, live := terminal(c.stdout)
			switch {
			case c.format == "json":
				stats, err := c.logisd().Stats(cmd.Context(), names...)
				if err != nil {
					return cannot(err, "read what sites use")
				}
				return c.json(stats)
			case live:
				return cannot(c.watchStats(cmd.Context(), names, order), "read what sites use")
			}
			return cannot(c.printStats(cmd.Context(), names, order), "read what sites use")
		},
	})
	cmd.Flags().StringVar(&order, "sort", statsOrders[0], oneOf(statsOrders)+": the most first, but for names")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(statsOrders, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// printStats prints one table.
func (c *commandLine) printStats(ctx context.Context, names []string, order string) error {
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
	for _, line := range c.statsLines(first, second, order, 0) {
		c.printf("%s\n", line)
	}
	return nil
}

// statsLines lays out the table.
func (c *commandLine) statsLines(before, now api.Stats, order string, width int) []string {
	columns, rows := statsTable(before, now, order)
	var lines []string
	for _, l := range layout(columns, rows, width) {
		lines = append(lines, c.shown(l))
	}
	return lines
}

const noSites = "There is no site yet. Make one with: logis create NAME"

// pause waits, or returns why ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
