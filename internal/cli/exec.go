package cli

import (
	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) exec() *cobra.Command {
	var req api.ExecRequest
	cmd := &cobra.Command{
		Use: "exec NAME -- CMD...", Short: "Run a command in a site; the exit status is the command's",
		Example: "  logis exec alice -- ps aux\n  logis exec alice --user alice -t -- mariadb",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 || cmd.ArgsLenAtDash() > 1 {
				return usage(cmd, "exec takes NAME -- CMD...")
			}
			return nil
		},
		ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Command = args[1:]
			return c.session(cmd.Context(), args[0], req)
		},
	}
	cmd.Flags().StringVar(&req.User, "user", "", "name or uid inside the site (default root)")
	cmd.Flags().BoolVarP(&req.TTY, "tty", "t", false, "give the command a terminal")
	return cmd
}
