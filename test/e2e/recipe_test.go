//go:build e2e

package e2e

import (
	"os"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"
)

// recipe SITE FILE runs the shell blocks of a page in docs/recipes as the owner of a site, in order: each must succeed.
func recipe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: recipe SITE FILE")
	}
	page, err := os.ReadFile("../../docs/recipes/" + args[1])
	ts.Check(err)
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllSubmatch(page, -1)
	if len(blocks) == 0 {
		ts.Fatalf("%s has no block to run", args[1])
	}
	for _, block := range blocks {
		if err := ts.Exec("logis", "exec", args[0], "--user", args[0], "--", "bash", "-euc", string(block[1])); err != nil {
			ts.Fatalf("%s: %v in\n%s", args[1], err, block[1])
		}
	}
}
