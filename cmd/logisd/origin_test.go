package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A state directory of another host is said to be so once, and is this host's from then on.
func TestRecordOrigin(t *testing.T) {
	dir := t.TempDir()
	id := filepath.Join(dir, "machine-id")
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		id, noted string
		warns     int
	}{
		{"", "", 0}, // no machine-id
		{"one\n", "one", 0}, {"one\n", "one", 0}, {"two\n", "two", 1}, {"two\n", "two", 0}, {"", "two", 0},
	} {
		if err := os.WriteFile(id, []byte(step.id), 0o644); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		recordOrigin(state, id, slog.New(slog.NewTextHandler(&log, nil)))
		if n := strings.Count(log.String(), "\n"); n != step.warns || n == 1 && !strings.Contains(log.String(), "another host") {
			t.Errorf("host %q: logged %q", step.id, log.String())
		}
		noted, _ := os.ReadFile(filepath.Join(state, "host"))
		if got := strings.TrimSpace(string(noted)); got != step.noted {
			t.Errorf("host %q: noted %q, want %q", step.id, got, step.noted)
		}
	}
	left, err := os.ReadDir(state)
	if err != nil || len(left) != 1 {
		t.Errorf("left in the state directory: %v, %v", left, err)
	}
}
