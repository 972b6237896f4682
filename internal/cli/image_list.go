package cli

import (
	"strconv"

	"github.com/spf13/cobra"
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
			rows := make([][]cell, 0, len(images))
			for _, i := range images {
				rows = append(rows, []cell{
					{text: i.Name},
					{text: i.Digest},
					{text: i.Suite},
					{text: compact(i.SizeBytes)},
					{text: strconv.Itoa(i.Packages)},
					{text: strconv.Itoa(len(i.UsedBy))},
					{text: date(i.BuiltAt)},
				})
			}
			c.grid(imageColumns, rows)
			return nil
		},
	})
}

var imageColumns = []column{
	{head: "NAME", least: 10},
	{head: "DIGEST", spare: 2},
	{head: "SUITE", spare: 4},
	{head: "SIZE", right: true},
	{head: "PACKAGES", right: true, spare: 1},
	{head: "SITES", right: true},
	{head: "BUILT", spare: 3},
}
