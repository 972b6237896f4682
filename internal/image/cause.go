package image

import (
	"regexp"
	"strings"
)

// cause is how a program of a build says why it failed, and how a build says it.
type cause struct {
	said *regexp.Regexp // of one line; what it captures is what was missed
	why  string         // with the captured text in the place of the $1
}

// causes are what debootstrap, apt and dpkg say, and the libraries below them.
func causes() []cause {
	const archive = "check this host's network and its apt sources"
	return []cause{
		{regexp.MustCompile(`No space left on device|Disk quota exceeded`), "the disk is full: free space or raise pool.size"},
		{regexp.MustCompile(`^E: Unable to locate package (\S+)`), "the package archive has no package $1: " + archive},
		{regexp.MustCompile(`^E: Package '([^']+)' has no installation candidate`), "the package archive has no package $1: " + archive},
		{regexp.MustCompile(`^E: Couldn't find these debs: (.+)`), "the package archive has no package $1: " + archive},
		{regexp.MustCompile(`^E: No such script: \S*/(\S+)`), "this debootstrap knows no suite $1: upgrade it"},
		{regexp.MustCompile(`(?:[Cc]ould not resolve|Temporary failure resolving|unable to resolve host address) ['‘"]?([^\s'’"]+)`), "the name $1 cannot be resolved: " + archive},
		{regexp.MustCompile(`[Cc]ould not connect to (\S+)`), "$1 cannot be reached: " + archive},
		{regexp.MustCompile(`^E: Failed getting release file (\S+)`), "$1 cannot be fetched: " + archive},
		{regexp.MustCompile(`^E: (?:Failed to fetch|Couldn't download) (\S+)`), "$1 cannot be fetched: " + archive},
		{regexp.MustCompile(`^E: (Release signed by unknown key .*|Invalid Release signature.*|The repository .* is not signed)`), "the package archive is not to be trusted ($1): " + archive},
		{regexp.MustCompile(`^E: (.+)`), "$1"},
	}
}

// causeOf finds why a program failed in the lines that it said: "" where none says it. The first reason of the list that is
// among them counts, since later errors follow from earlier ones and tell less.
func causeOf(lines []string) string {
	for _, c := range causes() {
		for _, line := range lines {
			if m := c.said.FindStringSubmatch(line); m != nil {
				missed := ""
				if len(m) > 1 {
					missed = strings.TrimRight(m[1], ".")
				}
				return strings.ReplaceAll(c.why, "$1", missed)
			}
		}
	}
	return ""
}
