package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/config"
)

// configOf is an instance of 253 sites, 16,580,608 ids.
func configOf(t *testing.T, instance string, first uint32) config.Config {
	t.Helper()
	c := config.Default()
	c.Instance, c.FirstID, c.RunDir = instance, first, t.TempDir()
	c.Network.Subnet4 = netip.MustParsePrefix("10.1.0.0/24")
	return c
}

func TestFirstID(t *testing.T) {
	dir := t.TempDir()
	a, b := configOf(t, "a", 1_000_000_000), configOf(t, "b", 1_016_580_607)
	releaseA, err := claimIDs(a, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claimIDs(b, dir); err == nil || !strings.Contains(err.Error(), "instance a") || !strings.Contains(err.Error(), "first_id") {
		t.Errorf("one id in common: %v", err)
	}
	b.FirstID++
	releaseB, err := claimIDs(b, dir)
	if err != nil {
		t.Fatalf("ids of its own: %v", err)
	}
	if _, err := claimIDs(a, dir); err != nil {
		t.Errorf("its own claim again: %v", err)
	}
	// The ids are its as long as a container may run on them.
	if err := os.MkdirAll(filepath.Join(a.RunDir, "sites/alice"), 0o700); err != nil {
		t.Fatal(err)
	}
	releaseA()
	releaseB()
	b.FirstID--
	if _, err := claimIDs(b, dir); err == nil {
		t.Error("ids of a container that runs were given away")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("claims left: %v, %v", left, err)
	}
}
