package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
)

func (c *commandLine) imageExport() *cobra.Command {
	return &cobra.Command{
		Use: "export NAME FILE", Short: "Write an image as one tar.zst; FILE may be -",
		Example: "  logis image export lemp lemp.tar.zst\n  logis image export lemp - | ssh other logis image import -",
		Args:    exactly("NAME", "FILE"), ValidArgsFunction: inTurn(c.completeImages, files),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, file := args[0], args[1]
			if file == "-" {
				if _, ok := terminal(c.stdout); ok {
					return usage(cmd, "will not write an archive to a terminal: name a file, or send it somewhere")
				}
				return cannotImage(c.export(cmd.Context(), name, c.Out), "export", name)
			}
			return cannotImage(c.exportFile(cmd.Context(), name, file), "export", name)
		},
	}
}

func (c *commandLine) export(ctx context.Context, name string, w io.Writer) error {
	i, _ := c.logisd().Image(ctx, name) // for its size; why there is none the export says
	t := newTransfer("exporting "+name, i.SizeBytes)
	t.whole = &unpacked{}
	defer c.watch(t)()
	return c.logisd().ExportImage(ctx, name, t.counted(w))
}

// exportFile writes beside file and renames, so that no half archive ever has its name. What is no regular file, such as
// a pipe, is written as it is.
func (c *commandLine) exportFile(ctx context.Context, name, file string) error {
	if st, err := os.Stat(file); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("write %s: %w", clean(file), plain(err))
		}
		return errors.Join(c.export(ctx, name, f), f.Close())
	}
	f, err := renameio.NewPendingFile(file, renameio.WithTempDir(filepath.Dir(file)), renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write %s: %w", clean(file), plain(err))
	}
	defer func() { _ = f.Cleanup() }()
	if err := c.export(ctx, name, f); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", clean(file), plain(err))
	}
	c.printf("image %s is exported to %s\n", clean(name), clean(file))
	return nil
}
