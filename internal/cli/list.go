package cli

import (
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) list() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List all sites",
		Example: "  logis list\n  logis list --format json | jq -r '.[].name'",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			sites, err := c.logisd().Sites(cmd.Context())
			if err != nil {
				return cannot(err, "list the sites")
			}
			if c.format == "json" {
				return c.json(sites)
			}
			if len(sites) == 0 {
				c.printf("There is no site yet. Make one with: logis create NAME\n")
				return nil
			}
			rows := make([][]string, 0, len(sites))
			for _, s := range sites {
				rows = append(rows, row(s))
			}
			c.table([]string{"NAME", "STATE", "IMAGE", "ADDRESS", "SSH", "MEMORY", "DISK", "URL"}, rows)
			return nil
		},
	})
}

func row(s api.Site) []string {
	return []string{
		s.Name, s.State, s.Image, s.Address4, net.JoinHostPort(s.SSH.Host, strconv.Itoa(s.SSH.Port)),
		of(working(s.Usage), s.Limits.MemoryBytes), of(s.Usage.DiskBytes, s.Limits.DiskBytes),
		strings.Join(s.URLs, " "),
	}
}
