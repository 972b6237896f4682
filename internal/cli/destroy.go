package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func (c *commandLine) destroy() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "destroy NAME...", Short: "Destroy sites and everything in them",
		Example: "  logis destroy alice\n  logis destroy alice bob --force",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd, "which site? give names")
			}
			return unique(cmd, args)
		},
		ValidArgsFunction: c.completeSites,
		RunE: func(cmd *cobra.Command, names []string) error {
			ctx := cmd.Context()
			if !force {
				if err := c.confirm(ctx, cmd, names); err != nil {
					return err
				}
			}
			return c.each(ctx, names, func(ctx context.Context, name string) (string, error) {
				return name + " is destroyed", cannot(c.logisd().Destroy(ctx, name), "destroy %q", name)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "do not ask")
	return cmd
}

// confirm asks on a terminal; nil is a yes. Names that do not exist are refused before the question.
func (c *commandLine) confirm(ctx context.Context, cmd *cobra.Command, names []string) error {
	for _, name := range names {
		if _, err := c.logisd().Site(ctx, name); err != nil {
			return cannot(err, "destroy %q", name)
		}
	}
	if _, ok := terminal(c.In); !ok {
		return usage(cmd, "cannot destroy without a yes, and there is no terminal to ask on: give --force")
	}
	everything := "it"
	if len(names) > 1 {
		everything = "them"
	}
	_, _ = fmt.Fprintf(c.Err, "Destroy %s and everything in %s? [y/N] ", clean(strings.Join(names, ", ")), everything)

	// The read cannot be cancelled: it ends with the process, the goroutine with it.
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(c.In, 1<<10)).ReadString('\n')
		answer <- line
	}()
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(c.Err)
		return errors.New("interrupted: nothing was destroyed")
	case line := <-answer:
		if a := strings.ToLower(strings.TrimSpace(line)); a != "y" && a != "yes" {
			return errors.New("nothing was destroyed")
		}
	}
	return nil
}
