//go:build root

package container

import (
	"os"
	"strings"
	"testing"
)

func TestScratch(t *testing.T) {
	b := newBox(t)
	c := b.start(b.spec("alice", 0))
	r := run(t, c, "", "/probe", "report")
	t.Log(strings.ReplaceAll(strings.ReplaceAll(r.stdout, `","`, "\"\n\""), "],", "],\n"), r.stderr, r.status)
	for _, u := range []string{"", "owner"} {
		r = run(t, c, u, "/probe", "attempts")
		t.Log(strings.ReplaceAll(r.stdout, ",", "\n"), r.stderr, r.status)
	}
	t.Log(run(t, c, "", "/probe", "i386"))
	d, _ := os.ReadFile("/proc/self/mountinfo")
	_ = d
}
