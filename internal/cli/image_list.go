package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/quantity"
)

func (c *commandLine) imageList() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the images",
		Example: "  logis image list",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			images, err := c.logisd().Images(cmd.Context())
			if err != nil {
				return cannot(err, "list the images")
			}
			if c.format == "json" {
				return c.json(images)
			}
			if len(images) == 0 {
				c.printf("There is no image yet. Make one with: logis image build lemp\n")
				return nil
			}
			rows := make([][]string, 0, len(images))
			for _, i := range images {
				rows = append(rows, []string{
					i.Name, i.Digest, i.Suite, quantity.Format(i.SizeBytes), strconv.Itoa(i.Packages),
					strconv.Itoa(len(i.UsedBy)), date(i.BuiltAt),
				})
			}
			c.table([]string{"NAME", "DIGEST", "SUITE", "SIZE", "PACKAGES", "SITES", "BUILT"}, rows)
			return nil
		},
	})
}
