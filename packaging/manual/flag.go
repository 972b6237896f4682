package main

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// flagText is what a flag takes, "" for a switch, and what it does, its default with it, as --help has it.
func flagText(f *pflag.Flag) (value, usage string) {
	value, usage = pflag.UnquoteUsage(f)
	if none := []string{"", "0", "0s", "false", "[]"}; !slices.Contains(none, f.DefValue) {
		usage += " (default " + f.DefValue + ")"
	}
	return strings.TrimSuffix(value, "Array"), usage
}
