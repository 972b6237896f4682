// Command manual writes what is made from the commands of logis: a manual page for each, and completions for three shells.
// `manual DIR` fills DIR/man1 and DIR/completions; the same commands give the same bytes. The pages of the daemons and of
// the configuration are written by hand, in packaging/man.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/cli"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("manual: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: manual DIR")
	}
	if err := write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func write(dir string) error {
	pages, shells := filepath.Join(dir, "man1"), filepath.Join(dir, "completions")
	// A command that is gone leaves no page behind.
	err := errors.Join(os.RemoveAll(pages), os.RemoveAll(shells), os.MkdirAll(pages, 0o755), os.MkdirAll(shells, 0o755))
	if err != nil {
		return fmt.Errorf("make directories: %w", err)
	}
	root := cli.Commands()
	if err := writePages(root, pages); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	err = errors.Join(
		root.GenBashCompletionFileV2(filepath.Join(shells, "logis.bash"), true),
		root.GenZshCompletionFile(filepath.Join(shells, "_logis")),
		root.GenFishCompletionFile(filepath.Join(shells, "logis.fish"), true),
	)
	if err != nil {
		return fmt.Errorf("write completions: %w", err)
	}
	return nil
}

// writePages writes the page of a command and of all below it.
func writePages(c *cobra.Command, dir string) error {
	if err := os.WriteFile(filepath.Join(dir, pageName(c)+".1"), page(c), 0o644); err != nil {
		return err
	}
	for _, sub := range subcommands(c) {
		if err := writePages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}
