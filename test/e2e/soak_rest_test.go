//go:build e2e && soak

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// rest looks at the host after the walk: it agrees with its records and with what the commands said.
func (k *soak) rest(t *testing.T) {
	t.Helper()
	var there, want []string
	for _, s := range k.house.list(t) {
		there = append(there, s.Name+" "+s.Desired)
	}
	for _, s := range k.sites {
		if exists, wanted, _ := s.known(); exists {
			want = append(want, s.name+" "+map[bool]string{true: "running", false: "stopped"}[wanted])
		}
	}
	if !slices.Equal(there, want) {
		t.Errorf("there are %q, want %q", there, want)
	}
	out, err := k.run(0, "doctor")
	if err != nil || !strings.Contains(out, "Host and records agree") {
		t.Errorf("logis doctor: %v\n%s", err, out)
	}
	if err := poll(k.ownLimits); err != nil {
		t.Error(err)
	}
	k.restarts(t)
}

// verify looks for all rows, of the stopped sites too.
func (k *soak) verify(t *testing.T) {
	t.Helper()
	for _, s := range k.sites {
		if exists, wanted, _ := s.known(); !exists {
			continue
		} else if !wanted {
			k.house.logis(t, "start", s.name)
		}
		s.checkRows(true)
	}
	for _, s := range k.house.list(t) {
		k.house.answers(t, s)
	}
}

// report prints the summary.
func (k *soak) report(t *testing.T) {
	t.Helper()
	t.Logf("SOAK_SEED=%d\n%s\n%s", k.seed, k.tally.progress(), k.tally.summary())
	k.complain(t)
	if k.logs == "" {
		return
	}
	for _, d := range []*daemon{k.house.daemon, k.house.proxy} {
		if text, err := os.ReadFile(d.log()); err == nil {
			if err := os.WriteFile(filepath.Join(k.logs, filepath.Base(d.log())), text, 0o644); err != nil {
				t.Error(err)
			}
		}
	}
}

// complain fails the test for each violation, with what logisd said of the site in the minute before, and ends with the seed and
// what the daemons said last.
func (k *soak) complain(t *testing.T) {
	t.Helper()
	k.tally.mu.Lock()
	violations := k.tally.violations
	k.tally.mu.Unlock()
	if len(violations) == 0 && !t.Failed() {
		return
	}
	log, err := os.ReadFile(k.house.daemon.log())
	if err != nil {
		t.Error(err)
	}
	for _, v := range violations {
		t.Errorf("%s %s: %s\n%s", v.at.UTC().Format(time.RFC3339Nano), v.site, v.text, about(log, v))
	}
	t.Errorf("SOAK_SEED=%d\n%s\n%s", k.seed, k.house.daemon.tail(0), k.house.proxy.tail(0))
}

// about is the lines of logisd's log, at most 30, that concern a violation's site, or all, in the minute before it.
func about(log []byte, v violation) string {
	var lines []string
	for line := range bytes.Lines(log) {
		stamp, rest, _ := strings.Cut(strings.TrimPrefix(string(line), "time="), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil || at.Before(v.at.Add(-time.Minute)) || at.After(v.at.Add(time.Second)) {
			continue
		}
		if v.site == "" || !strings.Contains(rest, "site=") || strings.Contains(rest, "site="+v.site) {
			lines = append(lines, "\t"+string(line))
		}
	}
	if drop := len(lines) - 30; drop > 0 {
		lines = append([]string{fmt.Sprintf("\t%d lines, and\n", drop)}, lines[drop:]...)
	}
	return strings.Join(lines, "")
}
