package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/client"
)

func (c *commandLine) imageImport() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Make an image from an exported tar.zst; FILE may be -",
		Example: "  logis image import lemp.tar.zst",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, size, err := c.openArchive(args[0])
			if err != nil {
				return cannot(err, "import %s", args[0])
			}
			defer in.Close()
			begin := time.Now()
			t := newTransfer("importing", size)
			stop := c.watch(t)
			image, err := c.logisd().ImportImage(cmd.Context(), in, size, t.see)
			stop()
			switch {
			case errors.Is(err, client.ErrStillEnding):
				return fmt.Errorf("cannot import %s: interrupted, and %w", args[0], client.ErrStillEnding)
			case errors.Is(err, context.Canceled):
				return fmt.Errorf("cannot import %s: interrupted, nothing was left behind", args[0])
			case err != nil:
				return cannot(err, "import %s", args[0])
			}
			c.sayImage(image, "is imported", took(time.Since(begin)))
			return nil
		},
	}
}

// openArchive opens a file, or standard input as "-". size is 0 where it is not known.
func (c *commandLine) openArchive(name string) (in io.ReadCloser, size int64, err error) {
	if name == "-" {
		if _, ok := terminal(c.In); ok {
			return nil, 0, errors.New("standard input is a terminal: name a file, or send the archive to it")
		}
		return io.NopCloser(c.In), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, plain(err)
	}
	st, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, 0, plain(err)
	}
	return f, st.Size(), nil
}
