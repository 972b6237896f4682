package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/logis-project/logis/api"
	"github.com/logis-project/logis/client"
)

// prove runs a proof and prints its table.
func (c *commandLine) prove(ctx context.Context, site string) error {
	what := "prove the isolation"
	if site != "" {
		what = fmt.Sprintf("prove the isolation of %q", site)
	}
	begin := time.Now()
	at := &proving{begin: begin, ctx: ctx}
	stop := c.watch(at)
	sum, err := c.logisd().Prove(ctx, site, at.see)
	stop()
	switch {
	case errors.Is(err, client.ErrStillEnding):
		return fmt.Errorf("cannot %s: interrupted, and %w", what, client.ErrStillEnding)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("cannot %s: interrupted, nothing was left behind", what)
	case err != nil:
		return cannot(err, "%s", what)
	}
	sum.Rows = at.rows
	if c.format == "json" {
		err = c.json(sum)
	} else {
		c.proof(sum, time.Since(begin))
	}
	if err == nil && sum.Differ > 0 {
		return statusError(exitFailed)
	}
	return err
}

// proving is what the line of a proof shows, and the rows so far.
type proving struct {
	begin time.Time
	ctx   context.Context //nolint:containedctx // of the one proof; when it is done the proof is being ended

	mu     sync.Mutex
	step   string
	rows   []api.ProofRow
	differ int
}

func (p *proving) see(e api.ProofElement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Row == nil {
		p.step = e.Step
		return
	}
	p.rows = append(p.rows, *e.Row)
	if !e.Row.OK {
		p.differ++
	}
}

// line is "proof  212 attempts  0:07  trying it from inside".
func (p *proving) line(int) string { return p.text("  ") }

// plain is "proof, 212 attempts, 0:07, trying it from inside".
func (p *proving) plain() string { return p.text(", ") }

func (p *proving) text(sep string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := clean(p.step)
	if p.ctx.Err() != nil {
		step = "interrupted: waiting until logisd has destroyed what it made"
	}
	differ := ""
	if p.differ > 0 {
		differ = fmt.Sprintf(", %d not as expected", p.differ)
	}
	return strings.Join([]string{"proof", count(len(p.rows), "attempt") + differ, clock(time.Since(p.begin)), step}, sep)
}

// proof prints a table a group, and what is not as expected once more at the end, where it is seen.
func (c *commandLine) proof(sum api.Proof, elapsed time.Duration) {
	var wrong [][]string
	for rest := sum.Rows; len(rest) > 0; {
		group := rest[0].Group
		var rows [][]string
		for len(rest) > 0 && rest[0].Group == group {
			line := proofLine(rest[0])
			rows = append(rows, line)
			if !rest[0].OK {
				wrong = append(wrong, append([]string{"  " + group + ": " + rest[0].Attempt}, line[1:]...))
			}
			rest = rest[1:]
		}
		c.table([]string{group, "EXPECTED", "SEEN"}, rows)
		c.printf("\n")
	}
	if len(wrong) > 0 {
		c.table([]string{"NOT AS EXPECTED", "EXPECTED", "SEEN"}, wrong)
		c.printf("\n")
	}
	if !sum.Throwaway {
		c.printf("Root of %s could have made this see what is not so: only a throw-away site says what a hostile owner can do.\n", clean(sum.Site))
	}
	if sum.Untried > 0 {
		c.printf("%s not tried: see the table.\n", count(sum.Untried, "row"))
	}
	verdict := "all as expected"
	if sum.Differ > 0 {
		verdict = count(sum.Differ, "row") + " not as expected"
	}
	c.printf("%s, %s (%s)\n", count(sum.Attempts, "attempt"), verdict, took(elapsed))
}

func proofLine(r api.ProofRow) []string {
	seen := r.Seen
	if r.Untried != "" {
		seen = "not tried: " + r.Untried
	}
	if !r.OK {
		seen += "  <- differs"
	}
	return []string{"  " + r.Attempt, strings.Join(r.Expected, " or "), seen}
}
