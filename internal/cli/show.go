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
			c.block(s.Name+" is "+s.State, siteRows(s))
			return nil
		},
	})
}

func siteRows(s api.Site) [][2]string {
	rows := [][2]string{{"error", s.Error}}
	for _, w := range s.Warnings {
		rows = append(rows, [2]string{"warning", w})
	}
	if s.Desired != s.State {
		rows = append(rows, [2]string{"wanted", s.Desired})
	}
	rows = append(rows,
		[2]string{"url", strings.Join(s.URLs, " ")},
		[2]string{"ssh", sshLine(s)},
		[2]string{"image", s.Image},
		[2]string{"address", strings.TrimSpace(s.Address4 + " " + s.Address6)},
		[2]string{"memory", memoryLine(s)},
		[2]string{"swap", outOf(s.Usage.SwapBytes, s.Limits.SwapBytes)},
		[2]string{"killed", killedLine(s.Usage)},
		[2]string{"disk", outOf(s.Usage.DiskBytes, s.Limits.DiskBytes)},
		[2]string{"disk i/o", fmt.Sprintf("bandwidth %s, weight %d", quantity.FormatRate(s.Limits.IOBandwidthBytes), s.Limits.IOWeight)},
		[2]string{"network", "bandwidth " + quantity.FormatRate(s.Limits.BandwidthBytes)},
		[2]string{"processor", fmt.Sprintf("at most %s, weight %d, %.1f s used", count(s.Limits.CPUs, "cpu"), s.Limits.CPUWeight,
			s.Usage.CPUSeconds)},
		[2]string{"processes", fmt.Sprintf("%d of %d (%s), %d open files each", s.Usage.PIDs, s.Limits.PIDs,
			share(s.Usage.PIDs, s.Limits.PIDs), s.Limits.OpenFiles)},
		[2]string{"logs", quantity.Format(s.Limits.LogBytes) + " a service"},
	)
	if s.Priority != 0 {
		rows = append(rows, [2]string{"priority", fmt.Sprint(s.Priority)})
	}
	for i, v := range s.Services {
		name := "services"
		if i > 0 {
			name = ""
		}
		rows = append(rows, [2]string{name, serviceLine(v)})
	}
	if s.PID > 0 {
		rows = append(rows, [2]string{"init", fmt.Sprintf("pid %d on the host, ids from %d", s.PID, s.IDBase)})
	}
	return append(rows, [2]string{"created", date(s.CreatedAt)}, [2]string{"started", date(s.StartedAt)})
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
