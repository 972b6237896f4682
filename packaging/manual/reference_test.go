package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/cli"
	"github.com/logis-project/logis/internal/config"
)

var update = flag.Bool("update", false, "write what is made from the code")

// TestReferenceIsFresh: what is made from the code and lies in the repository says what the code says.
func TestReferenceIsFresh(t *testing.T) {
	sections, err := config.Reference()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{
		"../logis.toml":                      configFile(sections),
		"../../docs/reference/logis.toml.md": configReference(sections),
		"../../docs/reference/commands.md":   commandReference(cli.Commands()),
	} {
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the code makes (go test ./packaging/manual -update writes it): %v\n%s", path, err,
				cmp.Diff(string(want), string(got)))
		}
	}
}
