package cli

import (
	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) version() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "version", Short: "Print the versions of logis and logisd",
		Example: "  logis version",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			daemon, err := c.logisd().Version(cmd.Context())
			if c.format == "json" {
				if err := c.json(map[string]string{"logis": api.Version, "logisd": daemon.Version}); err != nil {
					return err
				}
				return cannot(err, "ask logisd for its version")
			}
			c.printf("logis %s\n", api.Version)
			if err != nil {
				return cannot(err, "ask logisd for its version")
			}
			c.printf("logisd %s\n", clean(daemon.Version))
			return nil
		},
	})
}
