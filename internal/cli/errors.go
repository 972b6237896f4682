package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

// Exit statuses of the contract.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitConflict = 4
)

// usageError is a command line that means nothing.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// usage makes a usageError with a hint to the command's help.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...) + ": see `" + cmd.CommandPath() + " --help`"}
}

// statusError ends the process with the status of a command in a site, without a word.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// printed is the first of several errors that have had their line each.
type printed struct{ error }

func (e printed) Unwrap() error { return e.error }

// cannot says what could not be done, in front of why.
func cannot(err error, format string, args ...any) error {
	if un := new(client.UnreachableError); err == nil || errors.As(err, &un) {
		return err // that no daemon answers has nothing to do with the act
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return fmt.Errorf("cannot "+format+": %w", append(args, err)...)
}

// exitStatus is the status that says what err is.
func exitStatus(err error) int {
	var status statusError
	var wrong *usageError
	var answer *api.Error
	var unstarted *client.StartError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &unstarted) && unstarted.Status > 0:
		return unstarted.Status
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &answer):
		switch answer.Code {
		case api.CodeInvalid:
			return exitUsage
		case api.CodeNotFound:
			return exitNotFound
		case api.CodeConflict:
			return exitConflict
		}
	}
	return exitFailed
}

// complain prints the one line of an error, below the log of what failed inside a site.
func (c *commandLine) complain(err error) {
	if answer, ok := errors.AsType[*api.Error](err); ok {
		for _, line := range answer.Log {
			_, _ = fmt.Fprintf(c.Err, "  | %s\n", clean(line))
		}
	}
	text := err.Error()
	if un, ok := errors.AsType[*client.UnreachableError](err); ok {
		text = unreachable(un, callerOf(un.Socket))
	}
	_, _ = fmt.Fprintf(c.Err, "logis: %s\n", clean(text))
}

// finish prints err, unless that was done, and returns the exit status.
func (c *commandLine) finish(err error) int {
	var status statusError
	var done printed
	if err != nil && !errors.As(err, &status) && !errors.As(err, &done) {
		c.complain(err)
	}
	return exitStatus(err)
}

// unknownCommand is the Args of commands that only hold others.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q", args[0])
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += " (did you mean " + strings.Join(near, " or ") + "?)"
	}
	return usage(cmd, "%s", text)
}

// exactly is the Args of a command that takes the named operands.
func exactly(operands ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(operands) {
			if i := slices.Index(args, ""); i >= 0 {
				return usage(cmd, "%s is empty", operands[i])
			}
			return nil
		}
		want := "nothing after it"
		if len(operands) > 0 {
			want = strings.Join(operands, " ")
		}
		return takes(cmd, want, args)
	}
}

// takes is a wrong number of operands.
func takes(cmd *cobra.Command, want string, args []string) error {
	got := "none"
	if len(args) > 0 {
		got = count(len(args), "operand")
	}
	return usage(cmd, "%s takes %s, got %s", strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" "), want, got)
}
