package main

import (
	"fmt"
	"regexp"
	"strings"
)

// described is `git describe --tags --dirty` without the tag's v: a release, commits since, uncommitted changes.
var described = regexp.MustCompile(`^(.+?)(?:-([0-9]+)-(g[0-9a-f]+))?(-dirty)?$`)

// upstreamVersion is what a Debian version without epoch and revision consists of, deb-version(7).
var upstreamVersion = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~]*$`)

// debianVersion writes a version so that dpkg orders it: 1.2.0-rc.1 comes before 1.2.0 as 1.2.0~rc.1, and 1.2.0-3-gabc1234,
// three commits after, comes after it as 1.2.0+3.gabc1234.
func debianVersion(version string) (string, error) {
	m := described.FindStringSubmatch(version)
	if m == nil {
		return "", fmt.Errorf("version %q: it is empty", version)
	}
	result := strings.ReplaceAll(m[1], "-", "~")
	switch {
	case m[2] != "":
		result += "+" + m[2] + "." + m[3]
	case m[4] != "":
		result += "+0" // before that of the next commit
	}
	if m[4] != "" {
		result += ".dirty"
	}
	if !upstreamVersion.MatchString(result) {
		return "", fmt.Errorf("version %q: %q is no Debian version", version, result)
	}
	return result, nil
}
