package cli

import (
	"context"
	"sync"

	"github.com/spf13/cobra"
)

// atOnce bounds how many sites one command works on at the same time.
const atOnce = 4

// each does work for every name, a few at a time, and prints in the order of names: what work returns, or the line of its
// error. The error of the first name that failed is returned.
func (c *commandLine) each(ctx context.Context, names []string, work func(context.Context, string) (string, error)) error {
	type result struct {
		text string
		err  error
	}
	results := make([]chan result, len(names))
	for i := range results {
		results[i] = make(chan result, 1)
	}
	var workers sync.WaitGroup
	defer workers.Wait()
	next := make(chan int, len(names))
	for i := range names {
		next <- i
	}
	close(next)
	for range min(atOnce, len(names)) {
		workers.Go(func() {
			for i := range next {
				text, err := work(ctx, names[i])
				results[i] <- result{text, err}
			}
		})
	}
	var first error
	for _, r := range results {
		done := <-r
		switch done.err {
		case nil:
			c.printf("%s\n", clean(done.text))
		default:
			c.complain(done.err)
			if first == nil {
				first = printed{done.err}
			}
		}
	}
	return first
}

// namesOrAll is the Args of a command that takes NAME... or --all.
func namesOrAll(all *bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case *all && len(args) > 0:
			return usage(cmd, "give names or --all, not both")
		case !*all && len(args) == 0:
			return usage(cmd, "which site? give names or --all")
		}
		return unique(cmd, args)
	}
}

// unique refuses a name that is given twice: two changes of one site at once would only conflict.
func unique(cmd *cobra.Command, names []string) error {
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if n == "" {
			return usage(cmd, "a name is empty")
		}
		if seen[n] {
			return usage(cmd, "%q is given twice", n)
		}
		seen[n] = true
	}
	return nil
}
