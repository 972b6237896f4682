package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

const maxLogLines = 10_000 // of one request; PID 1 gives no more

func (c *commandLine) logs() *cobra.Command {
	var opts client.LogsOptions
	cmd := &cobra.Command{
		Use: "logs NAME", Short: "Print what the services of a site wrote",
		Long: `Print what the services of a site wrote, the last lines first to last.

Service proxy is the reverse proxy of the host: what visitors asked for, by which
host name, from where, the status and the bytes of the answer, its time, and their
program. It tells it of a site that is stopped too, and is not among the others.`,
		Example: "  logis logs alice --service nginx -f\n  logis logs alice --service proxy -n 20",
		Args: func(cmd *cobra.Command, args []string) error {
			if opts.Lines < 0 || opts.Lines > maxLogLines {
				return usage(cmd, "--lines is from 0 to %d", maxLogLines)
			}
			return exactly("NAME")(cmd, args)
		},
		ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, show := cmd.Context(), func(ctx context.Context) error { return c.printLogs(ctx, args[0], opts) }
			if opts.Follow {
				return cannot(c.following(ctx, show), "read the logs of %q", args[0])
			}
			return cannot(show(ctx), "read the logs of %q", args[0])
		},
	}
	cmd.Flags().StringVar(&opts.Service, "service", "", "only this `service`; proxy is the host's, of what visitors asked for")
	_ = cmd.RegisterFlagCompletionFunc("service", c.ofSite(services))
	cmd.Flags().IntVarP(&opts.Lines, "lines", "n", 100, "how many of the last lines")
	cmd.Flags().BoolVarP(&opts.Follow, "follow", "f", false, "go on with what comes")
	return cmd
}

func (c *commandLine) printLogs(ctx context.Context, name string, opts client.LogsOptions) error {
	seen := false
	err := c.logisd().Logs(ctx, name, opts, func(l api.LogLine) error {
		seen = true
		c.printf("%s %s: %s\n", date(l.Time), clean(l.Service), clean(l.Text))
		return nil
	})
	if err == nil && !seen && opts.Service != "" {
		err = c.hasService(ctx, name, opts.Service)
	}
	return err
}

// hasService tells a service that wrote nothing from one that is not there.
func (c *commandLine) hasService(ctx context.Context, name, service string) error {
	s, err := c.logisd().Site(ctx, name)
	if err != nil || service == "proxy" { // which each has
		return err
	}
	names := make([]string, 0, len(s.Services))
	for _, v := range s.Services {
		if v.Name == service {
			return nil
		}
		names = append(names, v.Name)
	}
	return fmt.Errorf("it has no service %q, but %s", service, strings.Join(append(names, "proxy"), ", "))
}
