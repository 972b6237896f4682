package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/require"
)

// checkOnly says whether logisd would start with a configuration; it changes nothing, and one that runs is no reason against it.
func checkOnly(path string) error {
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		fmt.Fprintf(os.Stdout, "%s: well formed; as root, --check looks at this host too\n", path)
		return nil
	}
	if err := checkHost(c, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
		return inFile(c, err)
	}
	if err := conflicts(c, "/run"); err != nil {
		return inFile(c, err)
	}
	fmt.Fprintf(os.Stdout, "%s: well formed, and this host has what it needs\n", path)
	return nil
}

// located are lines of what is unmet, each with the place in the configuration that could be changed instead.
type located struct {
	require.Unmet
	lines []string
}

// inFile adds to requirements that are unmet the file and line of the keys that they are about.
func inFile(c config.Config, err error) error {
	unmet, ok := errors.AsType[require.Unmet](err)
	if !ok {
		return err
	}
	l := located{Unmet: unmet}
	for _, check := range unmet {
		line := check.String()
		if check.Key != "" {
			line = c.Source.At(check.Key) + ": " + check.Key + ": " + line
		}
		l.lines = append(l.lines, line)
	}
	return l
}

// linesOf are what is said of an error, a line each: one for each requirement that is unmet.
func linesOf(err error) []string {
	if l, ok := errors.AsType[located](err); ok {
		return l.lines
	}
	return []string{err.Error()}
}
