package cli_test

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/cli"
	"github.com/logis-project/logis/internal/engine"
	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// proofOf makes a proof of rows; what else it counts follows from them.
func proofOf(rows ...engine.ProofRow) func(context.Context, string, engine.ProofReport) (engine.ProofSum, error) {
	return func(_ context.Context, name string, report engine.ProofReport) (engine.ProofSum, error) {
		report.Step("making throw-away sites")
		sum := engine.ProofSum{Site: "prove-c0ffee", Throwaway: name == ""}
		if name != "" {
			sum.Site = name
		}
		for _, r := range rows {
			switch {
			case !r.OK:
				sum.Differ++
			case r.Untried != "":
				sum.Untried++
			}
			if r.Untried == "" {
				sum.Attempts++
			}
			report.Row(r)
		}
		return sum, nil
	}
}

func TestProve(t *testing.T) {
	m := servertest.New()
	socket, _ := servertest.Serve(t, m)
	good := []engine.ProofRow{
		{Group: "mounts", Attempt: "mount a tmpfs", Expected: []string{"EPERM"}, Seen: "EPERM", OK: true},
		{Group: "files of the kernel", Attempt: "write core_pattern", Expected: []string{"EACCES", "EROFS"}, Seen: "EROFS", OK: true},
		{Group: "files of the kernel", Attempt: "write mtrr", Expected: []string{"EACCES"}, OK: true, Untried: "there is none"},
	}
	elapsed := regexp.MustCompile(`\d+\.\d\d s`)
	for _, tc := range []struct {
		golden, args string
		rows         []engine.ProofRow
		status       int
	}{
		{"prove", "doctor --prove", good, 0},
		{"prove.json", "doctor --prove --format json", good, 0},
		{"prove-ill", "doctor --prove alice", append(good,
			engine.ProofRow{Group: "escape routes", Attempt: "cgroup: write release_agent", Expected: []string{"EROFS"}, Seen: "done\x1b[2J"},
			engine.ProofRow{Group: "escape routes", Attempt: "fuse: mount", Expected: []string{"EPERM"}, Untried: "the site did not tell of it"},
		), 1},
	} {
		m.Proof = proofOf(tc.rows...)
		r := run(t, socket, "", strings.Fields(tc.args)...)
		golden(t, tc.golden, elapsed.ReplaceAllString(r.out, "1.00 s"))
		if r.status != tc.status || r.err != "" {
			t.Errorf("%s: status %d, stderr %q", tc.args, r.status, r.err)
		}
	}
}

func TestProveFails(t *testing.T) {
	m := servertest.New()
	socket, _ := servertest.Serve(t, m)
	for _, tc := range []struct {
		err    error
		args   string
		status int
	}{
		{site.ErrNotFound, "doctor --prove nobody", 3},
		{site.ErrConflict, "doctor --prove", 4},
		{nil, "doctor --prove --fix", 2},
		{nil, "doctor alice", 2},
		{nil, "doctor --prove alice bob", 2},
	} {
		m.Proof = func(context.Context, string, engine.ProofReport) (engine.ProofSum, error) {
			return engine.ProofSum{}, tc.err
		}
		r := run(t, socket, "", strings.Fields(tc.args)...)
		oneLine(t, r, tc.args)
		if r.status != tc.status || r.out != "" {
			t.Errorf("%s: %+v", tc.args, r)
		}
	}
}

// A client that leaves ends the proof, and is told when what it made is gone.
func TestProveIsInterrupted(t *testing.T) {
	m := servertest.New()
	begun := make(chan struct{})
	m.Proof = func(ctx context.Context, _ string, report engine.ProofReport) (engine.ProofSum, error) {
		report.Step("making throw-away sites")
		close(begun)
		<-ctx.Done()
		return engine.ProofSum{}, context.Cause(ctx)
	}
	socket, _ := servertest.Serve(t, m)
	r := interrupt(t, socket, begun, "doctor", "--prove")
	if r.status != 1 || r.err != "logis: cannot prove the isolation: interrupted, nothing was left behind\n" {
		t.Errorf("%+v", r)
	}
}

// interrupt runs a command line and cancels it when begun is closed.
func interrupt(t *testing.T, socket string, begun <-chan struct{}, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-begun
		cancel()
	}()
	var out, errs bytes.Buffer
	status := cli.Run(ctx, args, cli.Terminal{In: strings.NewReader(""), Out: &out, Err: &errs, Socket: socket})
	return result{status, out.String(), errs.String()}
}
