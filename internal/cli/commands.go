package cli

import "github.com/spf13/cobra"

// Commands returns the tree of all commands, connected to nothing: what manual pages and shell completions are made from.
func Commands() *cobra.Command { return (&commandLine{}).root() }
