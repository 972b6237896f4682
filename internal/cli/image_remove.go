package cli

import "github.com/spf13/cobra"

func (c *commandLine) imageRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Aliases: []string{"rm"}, Short: "Remove an image that no site uses",
		Example: "  logis image remove lemp",
		Args:    exactly("NAME"), ValidArgsFunction: inTurn(c.completeImages),
		RunE: func(cmd *cobra.Command, args []string) error {
			stop := c.watch(waitingFor("waiting: image " + args[0] + " may be being built"))
			err := c.logisd().RemoveImage(cmd.Context(), args[0])
			stop()
			if err != nil {
				return cannotImage(err, "remove", args[0])
			}
			c.printf("image %s is removed\n", clean(args[0]))
			return nil
		},
	}
}
