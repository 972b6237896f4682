// Package siege is what a hostile owner would run to take everything that a site has to its limits, all at once and for as
// long as it pleases. The proof of limits, the test of the neighbour and its benchmark run it in throw-away sites. It
// knows nothing of logis, and decides nothing: what came of it is for the host's side to see.
package siege

import (
	_ "embed"
	"strings"
)

// Program is the source of the program, for perl's -e. It needs perl-base only, which every Debian has.
//
//go:embed siege.pl
var Program string

// Command is the command line that runs parts, such as "cpu=4" and "pids=512", inside a site. It ends when its standard
// input does.
func Command(parts ...string) []string {
	return append([]string{"/usr/bin/perl", "-e", Program, "--"}, parts...)
}

// Edge reads a line of the program's standard output: that a part, as given, has come to its edge, in the program's own words. The line
// comes from inside a site: believe it no more than its owner.
func Edge(line string) (part, words string, ok bool) {
	part, words, ok = strings.Cut(strings.TrimSpace(line), " edge ")
	return part, words, ok
}
