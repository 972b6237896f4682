package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

// sites is what logis-sites.service runs. The word is not among those of a day, and so not listed.
func (c *commandLine) sites() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sites", Hidden: true,
		Short: "All sites at once, as the host boots and shuts down",
		Args:  unknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.sitesUp(), c.sitesDown())
	return cmd
}

func (c *commandLine) sitesUp() *cobra.Command {
	return &cobra.Command{
		Use: "up", Short: "Start the sites that should run, and return when each has been tried",
		Example: "  logis sites up",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			begin := time.Now()
			report, err := c.logisd().Up(cmd.Context())
			if err != nil {
				return cannot(err, "start the sites")
			}
			failed := c.complainOf(report)
			c.printf("%d of %s up in %s\n", len(report.Sites)-failed, count(len(report.Sites), "site"), took(time.Since(begin)))
			if failed > 0 {
				return statusError(exitFailed)
			}
			return nil
		},
	}
}

// complainOf prints a line for each site that is not up, and returns how many that are.
func (c *commandLine) complainOf(report api.BootReport) (failed int) {
	for _, s := range report.Sites {
		switch s.Outcome {
		case "up", "adopted":
		case "failed":
			failed++
			c.complain(cannot(&api.Error{Message: s.Error}, "start %q", s.Name))
		default:
			failed++
			c.complain(cannot(&api.Error{Message: "another command took over: see logis show " + s.Name}, "start %q", s.Name))
		}
	}
	return failed
}

func (c *commandLine) sitesDown() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "down", Short: "Stop all sites until the next boot or `logis sites up`",
		Long: "Stops all sites at the same time, each in its order: the owner's processes, the web server, ssh, the database. They stay\n" +
			"down until `logis sites up` or the next boot, which start again those that ran.",
		Example: "  logis sites down --timeout 2m",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout < time.Second || timeout > time.Hour {
				return usage(cmd, "--timeout must be from 1s to 1h")
			}
			begin := time.Now()
			report, err := c.logisd().Down(cmd.Context(), timeout)
			if err != nil {
				return cannot(err, "stop the sites")
			}
			c.printf("%s stopped in %s\n", count(report.Stopped, "site"), took(time.Since(begin)))
			return nil
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "kill what still runs after this `DURATION`")
	return cmd
}
