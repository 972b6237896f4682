package image

import (
	"strings"
	"testing"
)

// The lines are what the programs of Debian 12 say.
func TestCauseOf(t *testing.T) {
	for want, lines := range map[string]string{
		"the package archive has no package nosuch: check": "Reading package lists...\nE: Unable to locate package nosuch\n",
		"the package archive has no package gone: check":   "E: Package 'gone' has no installation candidate",
		"the package archive has no package a b: check":    "I: Checking component main\nE: Couldn't find these debs: a b",
		"http://mirror.example/debian/dists/bookworm/Release cannot be fetched: check": "I: Retrieving InRelease\nI: Retrieving Release\n" +
			"E: Failed getting release file http://mirror.example/debian/dists/bookworm/Release",
		"the name mirror.example cannot be resolved: check": "Err:1 http://mirror.example bookworm InRelease\n" +
			"  Temporary failure resolving 'mirror.example'\nE: Failed to fetch http://mirror.example/x  Temporary failure resolving 'mirror.example'\n" +
			"E: Some index files failed to download.",
		"the name m.example cannot be resolved: check":      "wget: unable to resolve host address ‘m.example’\nE: Failed getting release file http://m.example/Release",
		"mirror.example:80 cannot be reached: check":        "  Could not connect to mirror.example:80 (192.0.2.1). - connect (111: Connection refused)",
		"the disk is full: free space or raise pool.size":   "dpkg: error processing archive x\n cannot copy: No space left on device\nE: Sub-process /usr/bin/dpkg returned an error code (1)",
		"this debootstrap knows no suite noble: upgrade it": "E: No such script: /usr/share/debootstrap/scripts/noble",
		"Sub-process returned an error code (1)":            "E: Sub-process returned an error code (1)",
	} {
		if got := causeOf(strings.Split(lines, "\n")); !strings.HasPrefix(got, want) {
			t.Errorf("%q\n got %q, want %q", lines, got, want)
		}
	}
	if got := causeOf([]string{"make: *** [all] Error 2", ""}); got != "" {
		t.Errorf("lines that say nothing: %q", got)
	}
}
