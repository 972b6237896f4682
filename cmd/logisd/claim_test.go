package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/logis-project/logis/internal/config"
	"github.com/logis-project/logis/internal/require"
)

// configOf is an instance of 253 sites, 16,580,608 ids.
func configOf(t *testing.T, instance string, first uint32) config.Config {
	t.Helper()
	text := fmt.Sprintf("instance = %q\nfirst_id = %d\nrun_dir = %q\n[network]\nsubnet4 = \"10.1.0.0/24\"\n", instance, first, t.TempDir())
	if instance == "b" { // what a second instance needs
		text = strings.Replace(text, "10.1", "10.2", 1) + "subnet6 = \"fd00:2::/64\"\n[ssh]\nports = \"40001-40100\"\n[proxy]\nhttp = [\":8080\"]\n"
	}
	return parsed(t, text)
}

func parsed(t *testing.T, text string) config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logis.toml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFirstID(t *testing.T) {
	dir := t.TempDir()
	a, b := configOf(t, "a", 1_000_000_000), configOf(t, "b", 1_016_580_607)
	releaseA, err := claim(a, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(b, dir); err == nil || !strings.Contains(err.Error(), "instance a") || !strings.Contains(err.Error(), "first_id") {
		t.Errorf("one id in common: %v", err)
	}
	b.FirstID++
	releaseB, err := claim(b, dir)
	if err != nil {
		t.Fatalf("ids of its own: %v", err)
	}
	if _, err := claim(a, dir); err != nil {
		t.Errorf("its own claim again: %v", err)
	}
	// The ids are its as long as a container may run on them.
	if err := os.MkdirAll(filepath.Join(a.RunDir, "sites/alice"), 0o700); err != nil {
		t.Fatal(err)
	}
	releaseA()
	releaseB()
	b.FirstID--
	if _, err := claim(b, dir); err == nil {
		t.Error("ids of a container that runs were given away")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("claims left: %v, %v", left, err)
	}
}

// All that a second instance shares with the first is told, a line each, with the place to change.
func TestSecondInstance(t *testing.T) {
	dir := t.TempDir()
	if _, err := claim(config.Default(), dir); err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(dir, "logis-logis.claim")
	gone := "; if there is no instance logis any more, rm " + theirs
	for text, want := range map[string][]string{
		"instance = \"b\"\n": {
			": first_id: instance logis: host ids 1000000000 to 4294953471 of this instance's sites overlap its 1000000000 to 4294953471: " +
				"set another first_id, or make network.subnet4 of one smaller" + gone,
			": network.subnet4: instance logis: 10.83.0.0/16 overlaps its 10.83.0.0/16: set another network.subnet4" + gone,
			": network.subnet6: instance logis: fd83:6c6f:6769::/64 overlaps its fd83:6c6f:6769::/64: set another network.subnet6" + gone,
			": ssh.ports: instance logis: ports 22001-32000 overlap its 22001-32000: set other ssh.ports" + gone,
		},
		"instance = \"b\"\nfirst_id = 200000000\n[network]\nsubnet4 = \"10.9.0.0/24\"\nsubnet6 = \"fd00:9::/64\"\n[ssh]\nports = \"79-100\"\n[proxy]\nhttp = [\":22005\"]\nhttps = []\n": {
			":7: ssh.ports: instance logis: ports 79-100 have port 80 of its proxy: set other ssh.ports" + gone,
			":9: proxy.http: instance logis: port 22005 of the proxy is among its ports 22001-32000 of sites: set another port" + gone,
		},
		"instance = \"b\"\nfirst_id = 200000000\n[network]\nsubnet4 = \"10.9.0.0/24\"\nsubnet6 = \"fd00:9::/64\"\n[ssh]\nports = \"40000-40100\"\n": nil,
	} {
		c := parsed(t, text)
		err := conflicts(c, dir)
		var got []string
		if err != nil {
			got = linesOf(inFile(c, err))
		}
		for i := range want {
			want[i] = c.Source.Path + want[i]
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s(-want +got):\n%s", text, d)
		}
	}
}

// A claim is never seen half written, and one that cannot be read says what to do.
func TestClaimIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logis-a.claim")
	a := configOf(t, "a", 1_000_000_000)
	if _, err := claim(a, dir); err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(path) // who reads while it is written
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	a.FirstID = 2_000_000_000
	if _, err := claim(a, dir); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(old); err != nil || !strings.Contains(string(text), `"first_id":1000000000,`) || !strings.HasSuffix(string(text), "}\n") {
		t.Errorf("a reader of the former claim got %q, %v", text, err)
	}
	if got, err := readClaim(path); err != nil || got.FirstID != 2_000_000_000 {
		t.Errorf("the new claim: %+v, %v", got, err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = claim(configOf(t, "b", 1_000_000_000), dir)
	if err == nil || !strings.Contains(err.Error(), "restart that instance") || !strings.Contains(err.Error(), "remove "+path) {
		t.Errorf("an empty claim: %v", err)
	}
}

// An account with ids of the range ends the start only where there are no sites.
func TestTakenIDsWithSites(t *testing.T) {
	c := configOf(t, "a", 1_000_000_000)
	c.FirstID = 0 // root's id
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
