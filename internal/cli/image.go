package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/internal/quantity"
)

func (c *commandLine) image() *cobra.Command {
	cmd := &cobra.Command{
		Use: "image", Short: "Build, list and carry the images that sites are made from",
		Example: "  logis image build lemp\n  logis image list",
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.imageBuild(), c.imageList(), c.imageShow(), c.imageRemove(), c.imageExport(), c.imageImport())
	return cmd
}

// cannotImage is cannot for what is done to an image: one that is not there is named once.
func cannotImage(err error, act, name string) error {
	if answer, ok := errors.AsType[*api.Error](err); ok {
		if _, next, ok := strings.Cut(answer.Message, fmt.Sprintf("no image %q", name)); ok {
			err = &api.Error{Code: answer.Code, Message: "no such image" + next}
		}
	}
	return cannot(err, "%s image %q", act, name)
}

// sayImage prints what a build or an import made.
func (c *commandLine) sayImage(i api.Image, done, in string) {
	c.printf("image %s %s in %s: %s, %d packages, digest %s\n", clean(i.Name), done, in, quantity.Format(i.SizeBytes),
		i.Packages, clean(i.Digest))
}
