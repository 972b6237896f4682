package cli

import (
	"time"

	"github.com/spf13/cobra"
)

func (c *commandLine) wait() *cobra.Command {
	var target string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "wait NAME", Short: "Wait until a site is ready or stopped",
		Example: "  logis create alice --no-wait && logis wait alice --timeout 30s",
		Args: func(cmd *cobra.Command, args []string) error {
			if target != "ready" && target != "stopped" {
				return usage(cmd, "--for is ready or stopped, not %q", target)
			}
			if timeout < 0 {
				return usage(cmd, "--timeout must not be negative")
			}
			return exactly("NAME")(cmd, args)
		},
		ValidArgsFunction: c.completeSite,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, _ := c.logisd().Site(cmd.Context(), args[0]) // for its error; why there is none the wait says
			stop := c.watch(awaited{"waiting until " + clean(args[0]) + " is " + target, clean(s.Error), time.Now()})
			_, err := c.logisd().Wait(cmd.Context(), args[0], target, timeout)
			stop()
			return cannot(err, "wait for %q", args[0])
		},
	}
	cmd.Flags().StringVar(&target, "for", "ready", "ready or stopped")
	cmd.Flags().Var((*period)(&timeout), "timeout", "give up after this long, such as 30s or 2m, a bare number is seconds; 0 never does")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{"ready", "stopped"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// awaited is a wait for a site, with the error that the site had when it began; off a terminal it is silent.
type awaited struct {
	text, failure string
	begin         time.Time
}

func (w awaited) line(int) string {
	line := w.text + "  " + clock(time.Since(w.begin))
	if w.failure != "" {
		line += "  " + w.failure
	}
	return line
}

func (awaited) plain() string { return "" }
