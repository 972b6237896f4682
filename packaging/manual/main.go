// Command manual writes what is made from the code: a manual page for each command of logis, logis.toml(5), and completions
// for three shells. `manual DIR` fills DIR/man1, DIR/man5 and DIR/completions; the same code gives the same bytes. The
// pages of the daemons are written by hand, in packaging/man. A test keeps what lies in the repository fresh: packaging/logis.toml
// and docs/reference.
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/internal/cli"
	"github.com/logis-project/logis/internal/config"
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
	pages, formats, shells := filepath.Join(dir, "man1"), filepath.Join(dir, "man5"), filepath.Join(dir, "completions")
	// A command that is gone leaves no page behind.
	for _, d := range []string{pages, formats, shells} {
		if err := errors.Join(os.RemoveAll(d), os.MkdirAll(d, 0o755)); err != nil {
			return fmt.Errorf("make directories: %w", err)
		}
	}
	root := cli.Commands()
	if err := writePages(root, pages); err != nil {
		return fmt.Errorf("write manual pages: %w", err)
	}
	sections, err := config.Reference()
	if err != nil {
		return err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(formats, "logis.toml.5"), configPage(sections), 0o644),
		root.GenBashCompletionFileV2(filepath.Join(shells, "logis.bash"), true),
		root.GenZshCompletionFile(filepath.Join(shells, "_logis")),
		root.GenFishCompletionFile(filepath.Join(shells, "logis.fish"), true),
	)
	if err != nil {
		return fmt.Errorf("write completions and logis.toml(5): %w", err)
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
