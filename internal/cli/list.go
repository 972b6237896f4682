package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) list() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List all sites",
		Long: `List all sites.

  SSH      port of this host that leads to the site's ssh
  MEMORY   in use, without cache that the kernel can take back, of the limit
  DISK     in use of the limit, as of the last few seconds
  AGE      since it was created

On a terminal the table fits its width: long names and URLs are cut, "+2" says
that there are two more. Elsewhere nothing is cut.`,
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
			c.grid(siteTable(sites, c.now(), c.width()))
			return nil
		},
	})
}

var siteColumns = []column{
	{head: "NAME", least: 10},
	{head: "STATE", least: 7},
	{head: "ADDRESS", spare: 2},
	{head: "SSH", right: true, spare: 4},
	{head: "MEMORY", right: true, spare: 3},
	{head: "DISK", right: true, spare: 5},
	{head: "AGE", right: true, spare: 1},
	{head: "URL", least: 12, spare: 6},
}

// siteTable returns the table of sites with as much in it as fits: all URLs and the image, the first URL, or its host alone.
func siteTable(sites []api.Site, now time.Time, width int) ([]column, [][]cell) {
	const image = 2 // its place among the columns
	withImage := slices.Insert(slices.Clone(siteColumns), image, column{head: "IMAGE"})
	for _, form := range []struct {
		columns []column
		url     func([]string) string
	}{{withImage, allURLs}, {siteColumns, allURLs}, {siteColumns, firstURL}} {
		rows := make([][]cell, 0, len(sites))
		for _, s := range sites {
			row := siteRow(s, form.url(s.URLs), now)
			if len(form.columns) > len(row) {
				row = slices.Insert(row, image, cell{text: s.Image})
			}
			rows = append(rows, row)
		}
		if widths, gap := fitted(form.columns, rows, 0); width == 0 || total(widths, gap) <= width {
			return form.columns, rows
		}
	}
	rows := make([][]cell, 0, len(sites))
	for _, s := range sites {
		rows = append(rows, siteRow(s, firstHost(s.URLs), now))
	}
	return siteColumns, rows
}

// siteRow is a site's row of siteColumns. One without processes uses no memory, which is not nothing of its limit.
func siteRow(s api.Site, url string, now time.Time) []cell {
	memory := cell{unknown + "/" + compact(s.Limits.MemoryBytes), plainly}
	if s.Usage.PIDs > 0 {
		used := working(s.Usage)
		memory = cell{upTo(used, s.Limits.MemoryBytes), fullness(used, s.Limits.MemoryBytes)}
	}
	return []cell{
		{text: s.Name},
		{s.State, stateOf(s)},
		{text: s.Address4},
		{text: strconv.Itoa(s.SSH.Port)},
		memory,
		{upTo(s.Usage.DiskBytes, s.Limits.DiskBytes), diskPaint(s)},
		{text: age(now.Sub(s.CreatedAt))},
		{text: url},
	}
}

func allURLs(urls []string) string { return strings.Join(urls, " ") }

func firstURL(urls []string) string {
	if len(urls) < 2 {
		return allURLs(urls)
	}
	return fmt.Sprintf("%s +%d", urls[0], len(urls)-1)
}

// firstHost is firstURL without what all of them have.
func firstHost(urls []string) string {
	text := firstURL(urls)
	for _, scheme := range []string{"http://", "https://"} {
		text = strings.TrimPrefix(text, scheme)
	}
	host, more, _ := strings.Cut(text, "/")
	return host + more
}

// now is the time that ages are counted to.
func (c *commandLine) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}
