package network

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An nft that hangs is ended: whoever waits for it has the lock that every site's start needs.
func TestLoadEnds(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nft"), []byte("#!/bin/sh\nexec sleep 20\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	err := load(t.Context(), time.Millisecond, nil)
	if err == nil || !strings.Contains(err.Error(), "no answer within 1ms") {
		t.Errorf("nft hangs: %v", err)
	}
}
