package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/quantity"
)

func (c *commandLine) imageShow() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "show NAME", Short: "Show one image",
		Example: "  logis image show lemp",
		Args:    exactly("NAME"), ValidArgsFunction: inTurn(c.completeImages),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.logisd().Image(cmd.Context(), args[0])
			if err != nil {
				return cannotImage(err, "show", args[0])
			}
			if c.format == "json" {
				return c.json(i)
			}
			users := "no site"
			if len(i.UsedBy) > 0 {
				users = strings.Join(i.UsedBy, " ")
			}
			c.block("image "+i.Name, [][2]string{
				{"digest", i.Digest},
				{"suite", i.Suite},
				{"size", quantity.Format(i.SizeBytes)},
				{"packages", strconv.Itoa(i.Packages)},
				{"built", date(i.BuiltAt)},
				{"used by", users},
			})
			return nil
		},
	})
}
