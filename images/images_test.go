package images_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logis-project/logis/images"
	"github.com/logis-project/logis/internal/guest"
	"github.com/logis-project/logis/internal/image"
)

// Every manifest is one that image reads, and its services are ones that logis-init reads.
func TestManifestsAreUnderstood(t *testing.T) {
	names := images.Names()
	if len(names) == 0 {
		t.Fatal("no manifest is embedded")
	}
	for _, name := range names {
		m, err := image.Embedded(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Name != name {
			t.Errorf("%s.toml is of an image called %q", name, m.Name)
		}
		for _, s := range m.Services {
			if _, err := guest.ParseService(s.Name, []byte(s.Content), "alice"); err != nil {
				t.Errorf("%s: service %s: %v", name, s.Name, err)
			}
		}
	}
}

// Every script in a manifest is one that its interpreter reads.
func TestScriptsAreUnderstood(t *testing.T) {
	check := map[string]string{"#!/bin/sh": "-n", "#!/usr/bin/perl": "-c"}
	for _, name := range images.Names() {
		m, err := image.Embedded(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Files {
			first, _, _ := strings.Cut(f.Content, "\n")
			flag, known := check[first]
			if !strings.HasPrefix(first, "#!") {
				continue
			}
			if !known {
				t.Errorf("%s: %s is of an interpreter that nothing checks", name, f.Path)
				continue
			}
			script := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(script, []byte(f.Content), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(strings.TrimPrefix(first, "#!"), flag, script).CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", name, f.Path, err, out)
			}
		}
	}
}
