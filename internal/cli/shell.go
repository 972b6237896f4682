package cli

import (
	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) shell() *cobra.Command {
	return &cobra.Command{
		Use: "shell NAME", Short: "Log in to a site as its owner",
		Example: "  logis shell alice\n  echo 'ls www' | logis shell alice",
		Args:    exactly("NAME"), ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, tty := terminal(c.In)
			return c.session(cmd.Context(), args[0], api.ExecRequest{User: args[0], Login: true, TTY: tty})
		},
	}
}
