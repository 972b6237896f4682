package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) start() *cobra.Command {
	var noWait bool
	cmd := c.power("start", "Start sites and wait until they are ready", "started",
		func(s api.Site) bool { return s.State == "stopped" || s.State == "failed" },
		func(ctx context.Context, name string) (string, error) {
			was := c.state(ctx, name)
			text, err := begun(ctx, name, noWait, c.logisd().Start)
			if was == "running" {
				return name + " runs already", err
			}
			return text, err
		})
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until they are ready")
	return cmd
}

func (c *commandLine) restart() *cobra.Command {
	var noWait bool
	cmd := c.power("restart", "Stop and start sites and wait until they are ready", "restarted",
		func(s api.Site) bool { return runs(s) || s.State == "failed" },
		func(ctx context.Context, name string) (string, error) {
			return begun(ctx, name, noWait, c.logisd().Restart)
		})
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until they are ready")
	return cmd
}

func (c *commandLine) stop() *cobra.Command {
	return c.power("stop", "Stop sites: services first, the database with the time it needs", "stopped",
		func(s api.Site) bool { return runs(s) || s.State == "failed" },
		func(ctx context.Context, name string) (string, error) {
			was := c.state(ctx, name)
			begin := time.Now()
			_, err := c.logisd().Stop(ctx, name)
			if was == "stopped" {
				return name + " was stopped already", err
			}
			return name + " is stopped in " + took(time.Since(begin)), err
		})
}

// power is a command that starts or stops: NAME... or --all, which means the sites that fit.
func (c *commandLine) power(verb, short, done string, fits func(api.Site) bool,
	work func(context.Context, string) (string, error),
) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: verb + " NAME...|--all", Short: short,
		Example: "  logis " + verb + " alice bob\n  logis " + verb + " --all",
		Args:    namesOrAll(&all), ValidArgsFunction: c.completeSites,
		RunE: func(cmd *cobra.Command, names []string) (err error) {
			ctx := cmd.Context()
			if all {
				if names, err = c.allNames(ctx, fits); err != nil {
					return err
				}
				if len(names) == 0 {
					c.printf("There is no site to be %s.\n", done)
					return nil
				}
			}
			return c.each(ctx, names, func(ctx context.Context, name string) (string, error) {
				text, err := work(ctx, name)
				return text, cannot(err, "%s %q", verb, name)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all sites that can be "+done)
	return cmd
}

// begun runs a start or restart and says what came of it.
func begun(ctx context.Context, name string, noWait bool, do func(context.Context, string, bool) (api.Site, error)) (string, error) {
	begin := time.Now()
	_, err := do(ctx, name, noWait)
	if noWait {
		return name + " is starting", err
	}
	return name + " is ready in " + took(time.Since(begin)), err
}

// state returns what a site is doing, for the words only: "" where that is not known, and the act will say why.
func (c *commandLine) state(ctx context.Context, name string) string {
	s, err := c.logisd().Site(ctx, name)
	if err != nil {
		return ""
	}
	return s.State
}

func runs(s api.Site) bool {
	return s.State == "running" || s.State == "starting" || s.State == "asleep"
}
