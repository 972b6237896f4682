package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (c *commandLine) imageExport() *cobra.Command {
	return &cobra.Command{
		Use: "export NAME FILE", Short: "Write an image as one tar.zst; FILE may be -",
		Example: "  logis image export lemp lemp.tar.zst\n  logis image export lemp - | ssh other logis image import -",
		Args:    exactly("NAME", "FILE"), ValidArgsFunction: c.completeImage,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, file := args[0], args[1]
			if file == "-" {
				if _, ok := terminal(c.stdout); ok {
					return usage(cmd, "will not write an archive to a terminal: name a file, or send it somewhere")
				}
				return cannot(c.export(cmd.Context(), name, c.Out), "export image %q", name)
			}
			return cannot(c.exportFile(cmd.Context(), name, file), "export image %q to %s", name, file)
		},
	}
}

func (c *commandLine) export(ctx context.Context, name string, w io.Writer) error {
	m := c.meter("exporting "+name, 0)
	defer m.stop()
	return c.logisd().ExportImage(ctx, name, meteredWriter{w, m})
}

// exportFile writes beside file and renames, so that no half archive ever has its name.
func (c *commandLine) exportFile(ctx context.Context, name, file string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("make a file beside it: %w", plain(err))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	defer tmp.Close()
	if err := c.export(ctx, name, tmp); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return fmt.Errorf("write to disk: %w", plain(err))
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return fmt.Errorf("give it its name: %w", err)
	}
	c.printf("image %s is exported to %s\n", clean(name), clean(file))
	return nil
}
