package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/server/servertest"
	"github.com/logis-project/logis/internal/site"
)

// TestErrorLines keeps the lines of wrong command lines in one voice: what could not be done, why, what to do next. The
// engine is the tests'; what the real one refuses is in test/e2e/scripts/bad-input.txtar.
func TestErrorLines(t *testing.T) {
	m := servertest.New()
	m.Put(servertest.StatusOf("alice", site.Running))
	m.Put(servertest.StatusOf("bob", site.Stopped))
	m.PutImage("lemp", "alice")
	socket, _ := servertest.Serve(t, m)
	dir := t.TempDir()
	before := run(t, socket, "", "list", "--format", "json").out
	var lines strings.Builder
	for _, line := range [][]string{
		{"creat"},
		{"image", "biuld"},
		{"alice", "show"},
		{"list", "--formt", "json"},
		{"list", "-format", "json"},
		{"list", "--format"},
		{"list", "--format", "xml"},
		{"stop", "-x", "alice"},
		{"create"},
		{"create", "ann", "ben"},
		{"create", ""},
		{"create", "alice"},
		{"create", "root"},
		{"create", "ann", "--memory", "10Z"},
		{"create", "ann", "--memory", "256MB"},
		{"create", "ann", "--memory", "0"},
		{"create", "ann", "--memory"},
		{"create", "ann", "--swap", "no"},
		{"create", "ann", "--cpus", "two"},
		{"create", "ann", "--pids", "many"},
		{"create", "ann", "--bandwidth", "fast"},
		{"create", "ann", "--priority", "first"},
		{"create", "ann", "--no-start", "--no-wait"},
		{"create", "ann", "--no-start=maybe"},
		{"create", "ann", "--ssh-key", filepath.Join(dir, "none.pub")},
		{"create", "a\nb"},
		{"create", "\x1b[2Jann"},
		{"show"},
		{"show", ""},
		{"show", "."},
		{"show", ".."},
		{"show", "../alice"},
		{"show", "nobody"},
		{"show", "nobody\x1b]0;x\a"},
		{"show", "nob\u202eody\nlogis: all is well"},
		{"show", strings.Repeat("n", 70)},
		{"set", "alice"},
		{"set", "nobody", "--cpus", "1"},
		{"set", "alice", "--memory", "1"},
		{"set", "alice", "--disk", "1"},
		{"stop"},
		{"stop", "alice", "--all"},
		{"stop", "alice", "alice"},
		{"start", "nobody"},
		{"restart", "alice", ""},
		{"destroy"},
		{"destroy", "alice"},
		{"destroy", "alice", "alice", "--force"},
		{"destroy", "nobody", "--force"},
		{"exec", "alice"},
		{"exec", "nobody", "--", "true"},
		{"logs", "alice", "-n", "many"},
		{"logs", "alice", "-n", "-1"},
		{"wait", "alice", "--for", "sleep"},
		{"wait", "alice", "--timeout", "soon"},
		{"image", "build"},
		{"image", "import", filepath.Join(dir, "none")},
		{"doctor", "alice"},
		{"doctor", "--prove", "alice", "bob"},
		{"doctor", "--prove=alice"},
		{"doctor", "--prove", "--fix"},
		{"sites", "down", "--timeout", "long"},
	} {
		r := run(t, socket, "", line...)
		oneLine(t, r, line...)
		if r.status == 0 || r.out != "" {
			t.Errorf("logis %q: %+v", line, r)
		}
		words := make([]string, len(line))
		for i, word := range line {
			words[i] = word
			if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' }) {
				words[i] = fmt.Sprintf("%q", word)
			}
		}
		text := fmt.Sprintf("$ logis %s\n%s[%d]\n", strings.Join(words, " "), r.err, r.status)
		lines.WriteString(strings.ReplaceAll(text, dir, "DIR"))
	}
	golden(t, "errors", lines.String())
	if after := run(t, socket, "", "list", "--format", "json").out; after != before {
		t.Errorf("something was changed: before\n%safter\n%s", before, after)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files were made: %v, %v", left, err)
	}
}
