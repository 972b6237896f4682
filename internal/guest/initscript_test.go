package guest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a package brings while the site runs is listed too: PID 1 has not run it, apt has.
func TestAllScripts(t *testing.T) {
	dir := t.TempDir()
	enabled := filepath.Join(dir, "rc2.d")
	if err := os.Mkdir(enabled, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"S01nginx", "S01memcached", "S02redis-server", "K01rsync"} {
		if err := os.WriteFile(filepath.Join(enabled, link), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	g := &guest{opts: Options{Scripts: dir}}
	g.scripts.take([]string{"memcached"})
	g.scripts.set(0, scriptStarted, "")
	got := ""
	for _, s := range g.allScripts() {
		got += s.name + " " + s.state + "\n"
	}
	if diff := cmp.Diff("memcached started\nredis-server enabled\n", got); diff != "" {
		t.Error(diff)
	}
}
