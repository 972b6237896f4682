package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/quantity"
)

func (c *commandLine) show() *cobra.Command {
	return c.formats(&cobra.Command{
		Use: "show NAME", Short: "Show one site",
		Long: `Show one site: what is wrong with it, where it is reached, what it uses of its
limits, its services.

Files and database share the disk of a site. A part of it is kept for the
database, so that files are full before the disk is: then files can only be
deleted, and the database goes on.`,
		Example: "  logis show alice\n  logis show alice --format json",
		Args:    exactly("NAME"), ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := c.logisd().Site(cmd.Context(), args[0])
			if err != nil {
				return cannot(err, "show %q", args[0])
			}
			if c.format == "json" {
				return c.json(s)
			}
			c.sections([]cell{{s.Name + " ", head}, {stateWords(s), stateOf(s)}}, siteSections(s))
			return nil
		},
	})
}

// stateWords go on after the name of a site.
func stateWords(s api.Site) string {
	if s.State == "failed" {
		return "has failed"
	}
	return "is " + s.State
}

// siteSections are what show prints of a site, from what is wrong with it to what hardly ever changes.
func siteSections(s api.Site) [][]field {
	return [][]field{troubleOf(s), placeOf(s), useOf(s), servicesOf(s), historyOf(s)}
}

func troubleOf(s api.Site) []field {
	fields := []field{{"error", cell{s.Error, bad}}}
	for _, w := range s.Warnings {
		fields = append(fields, field{"warning", cell{w, busy}})
	}
	if s.Desired != s.State {
		fields = append(fields, field{"wanted", cell{text: s.Desired}})
	}
	if s.Failing == nil {
		return fields
	}
	for i, line := range s.Failing.Log {
		name := "log"
		if i > 0 {
			name = ""
		}
		fields = append(fields, field{name, cell{text: "| " + line}})
	}
	return append(fields, field{"more", cell{text: fmt.Sprintf("logis logs %s --service %s", s.Name, s.Failing.Service)}})
}

func placeOf(s api.Site) []field {
	var links []string
	for _, l := range s.Links {
		where := l.Address4
		if where == "" {
			where = "no such site"
		}
		links = append(links, fmt.Sprintf("%s (%s)", l.Name, where))
	}
	return []field{
		{"url", cell{text: strings.Join(s.URLs, " ")}},
		{"ssh", cell{text: sshLine(s)}},
		{"address", cell{text: strings.TrimSpace(s.Address4 + " " + s.Address6)}},
		{"reaches", cell{text: strings.Join(links, ", ")}},
	}
}

func useOf(s api.Site) []field {
	u, l := s.Usage, s.Limits
	fields := append([]field{
		{"memory", cell{memoryLine(s), fullness(working(u), l.MemoryBytes)}},
		{"swap", cell{text: outOf(u.SwapBytes, l.SwapBytes)}},
		{"killed", cell{killedLine(u), bad}},
	}, diskFields(s)...)
	return append(fields,
		field{"disk i/o", cell{text: fmt.Sprintf("bandwidth %s, weight %d", quantity.FormatRate(l.IOBandwidthBytes), l.IOWeight)}},
		field{"network", cell{text: "bandwidth " + quantity.FormatRate(l.BandwidthBytes)}},
		field{"processor", cell{text: fmt.Sprintf("at most %s, weight %d, %.1f s used", count(l.CPUs, "cpu"), l.CPUWeight, u.CPUSeconds)}},
		field{"processes", cell{
			fmt.Sprintf("%d of %d (%s), %d open files each", u.PIDs, l.PIDs, share(u.PIDs, l.PIDs), l.OpenFiles),
			fullness(u.PIDs, l.PIDs),
		}},
		field{"logs", cell{text: quantity.Format(l.LogBytes) + " a service"}},
	)
}

func servicesOf(s api.Site) []field {
	var fields []field
	for i, v := range s.Services {
		name := "services"
		if i > 0 {
			name = ""
		}
		p := plainly
		if v.State == "failed" {
			p = bad
		}
		fields = append(fields, field{name, cell{serviceLine(v), p}})
	}
	return fields
}

func historyOf(s api.Site) []field {
	fields := []field{
		{"image", cell{text: s.Image}},
		{"created", cell{text: date(s.CreatedAt)}},
		{"started", cell{text: date(s.StartedAt)}},
	}
	if s.Priority != 0 {
		fields = append(fields, field{"priority", cell{text: fmt.Sprint(s.Priority)}})
	}
	if s.PID > 0 {
		fields = append(fields, field{"init", cell{text: fmt.Sprintf("pid %d on the host, ids from %d", s.PID, s.IDBase)}})
	}
	return fields
}

func serviceLine(v api.Service) string {
	line := v.Name + " " + v.State
	if v.Ready {
		line += ", ready"
	}
	if v.PID > 0 {
		line += fmt.Sprintf(", pid %d inside", v.PID)
	}
	switch {
	case v.Restarts == 1:
		line += ", restarted once"
	case v.Restarts > 1:
		line += fmt.Sprintf(", restarted %d times", v.Restarts)
	}
	return line
}

func sshLine(s api.Site) string {
	return fmt.Sprintf("ssh -p %d %s@%s", s.SSH.Port, s.SSH.User, s.SSH.Host)
}
