package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

func (c *commandLine) imageBuild() *cobra.Command {
	return &cobra.Command{
		Use: "build NAME", Short: "Build an image from its manifest with debootstrap",
		Example: "  logis image build lemp",
		Args:    exactly("NAME"), ValidArgsFunction: inTurn(c.completeImages),
		RunE: func(cmd *cobra.Command, args []string) error {
			begin := time.Now()
			report, stop := c.showBuild(cmd.Context(), args[0])
			image, err := c.logisd().BuildImage(cmd.Context(), args[0], report)
			stop()
			switch {
			case errors.Is(err, client.ErrStillEnding):
				return fmt.Errorf("cannot build image %q: interrupted, and %w", args[0], client.ErrStillEnding)
			case errors.Is(err, context.Canceled):
				return fmt.Errorf("cannot build image %q: interrupted, nothing was left behind", args[0])
			case err != nil:
				return cannot(c.tellOutput(args[0], err), "build image %q", args[0])
			}
			c.sayImage(image, "is built", time.Since(begin).Round(100*time.Millisecond).String())
			return nil
		},
	}
}

// tellOutput prints the last output lines of a failed build, which follow the reason in its message, and returns the
// reason alone, without the act, which the caller says.
func (c *commandLine) tellOutput(name string, err error) error {
	var answer *api.Error
	if !errors.As(err, &answer) {
		return err
	}
	why, output, _ := strings.Cut(answer.Message, "\n")
	for line := range strings.Lines(output) {
		_, _ = fmt.Fprintf(c.Err, "  | %s\n", clean(line))
	}
	return &api.Error{Code: answer.Code, Message: strings.TrimPrefix(why, "build image "+name+": ")}
}
