package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
)

func (c *commandLine) imageBuild() *cobra.Command {
	return &cobra.Command{
		Use: "build NAME", Short: "Build an image from its manifest with debootstrap",
		Example: "  logis image build lemp",
		Args:    exactly("NAME"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			begin := time.Now()
			report, stop := c.steps(args[0])
			image, err := c.logisd().BuildImage(cmd.Context(), args[0], report)
			stop()
			if err != nil {
				return cannot(c.tellOutput(err), "build image %q", args[0])
			}
			c.sayImage(image, "is built", time.Since(begin).Round(100*time.Millisecond).String())
			return nil
		},
	}
}

// tellOutput prints the last output lines of a failed build, which follow the reason in its message, and returns the
// reason alone.
func (c *commandLine) tellOutput(err error) error {
	var answer *api.Error
	if !errors.As(err, &answer) {
		return err
	}
	why, output, _ := strings.Cut(answer.Message, "\n")
	for line := range strings.Lines(output) {
		_, _ = fmt.Fprintf(c.Err, "  | %s\n", clean(line))
	}
	return &api.Error{Code: answer.Code, Message: why}
}
