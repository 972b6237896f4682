package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

const maxLogLines = 100_000

func (c *commandLine) logs() *cobra.Command {
	var opts client.LogsOptions
	cmd := &cobra.Command{
		Use: "logs NAME", Short: "Print what the services of a site wrote",
		Example: "  logis logs alice --service nginx -f",
		Args: func(cmd *cobra.Command, args []string) error {
			if opts.Lines < 0 || opts.Lines > maxLogLines {
				return usage(cmd, "--lines is from 0 to %d", maxLogLines)
			}
			return exactly("NAME")(cmd, args)
		},
		ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := c.logisd().Logs(cmd.Context(), args[0], opts, func(l api.LogLine) error {
				c.printf("%s %s: %s\n", date(l.Time), clean(l.Service), clean(l.Text))
				return nil
			})
			if opts.Follow && errors.Is(err, context.Canceled) {
				return nil // Ctrl-C is how one stops following
			}
			return cannot(err, "read the logs of %q", args[0])
		},
	}
	cmd.Flags().StringVar(&opts.Service, "service", "", "only this service")
	cmd.Flags().IntVarP(&opts.Lines, "lines", "n", 100, "the last lines of each service")
	cmd.Flags().BoolVarP(&opts.Follow, "follow", "f", false, "go on with what comes")
	return cmd
}
