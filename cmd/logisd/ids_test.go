package main

import (
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/require"
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

// A claim is never seen half written, and one that cannot be read says what to do.
func TestClaimIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logis-a.ids")
	if err := writeClaim(path, 1, 2); err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(path) // who reads while it is written
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := writeClaim(path, 3, 4); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(old); err != nil || string(text) != "1 2\n" {
		t.Errorf("a reader of the former claim got %q, %v", text, err)
	}
	if first, last, err := readClaim(path); err != nil || first != 3 || last != 4 {
		t.Errorf("the new claim: %d to %d, %v", first, last, err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = claimIDs(configOf(t, "b", 1_000_000_000), dir)
	if err == nil || !strings.Contains(err.Error(), "restart that instance") || !strings.Contains(err.Error(), "remove "+path) {
		t.Errorf("an empty claim: %v", err)
	}
}

// An account with ids of the range ends the start only where there are no sites.
func TestTakenIDsWithSites(t *testing.T) {
	c := configOf(t, "a", 0) // root's id
	c.StateDir = t.TempDir()
	if err := checkHost(c, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), require.SiteIDs+": /etc/passwd has root 0") {
		t.Errorf("no sites: %v", err)
	}
	if err := os.MkdirAll(recordsOf(c), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(recordsOf(c), "alice.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	if err := checkHost(c, slog.New(slog.NewTextHandler(&logged, nil))); err != nil && strings.Contains(err.Error(), require.SiteIDs) {
		t.Errorf("with a site: %v", err)
	}
	if !strings.Contains(logged.String(), "/etc/passwd has root 0") {
		t.Errorf("logged: %q", logged.String())
	}
}
