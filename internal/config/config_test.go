package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseOverDefaults(t *testing.T) {
	got, err := Parse([]byte(`
instance = "two"
[pool]
size = "40G"
[network]
subnet4 = "10.9.0.0/16"
[ssh]
ports = "30000-30010"
[defaults]
memory = "256MiB"
cpus = 0.5
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Instance, want.Pool.Size, want.Network.Subnet4 = "two", 40<<30, netip.MustParsePrefix("10.9.0.0/16")
	want.SSH.Ports, want.Defaults.Memory, want.Defaults.CPUs = PortRange{30000, 30010}, 256<<20, 0.5
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		`colour = "red"`:                      `unknown key "colour"`,
		"[pool]\nsizes = \"1G\"":              `line 2: unknown key "pool.sizes"`,
		`instance = "Two"`:                    "instance",
		`instance = "waytoolong"`:             "instance",
		`state_dir = "relative"`:              "state_dir",
		"[pool]\nsize = \"5 apples\"":         "quantity",
		"[pool]\nsize = \"1MiB\"":             "pool.size",
		"[ssh]\nports = \"9-1\"":              "port range",
		"[network]\nsubnet4 = \"fd00::/64\"":  "network.subnet4",
		"[network]\nsubnet6 = \"10.0.0.0/8\"": "network.subnet6",
		"[tls]\nmode = \"acme\"":              "tls.mode",

		"[network]\nlinks = [[\"alice\", \"Bob\"]]":            `network.links: "Bob" is not a site's name`,
		"[network]\nlinks = [[\"alice\", \"bob; drop\"]]":      `network.links: "bob; drop" is not a site's name`,
		"[network]\nlinks = [[\"a\", \"b\"], [\"alice\"]]":     `network.links: ["alice"] is not a group of two`,
		"[network]\nlinks = [[]]":                              "network.links: [] is not a group of two",
		"[network]\nlinks = [[\"alice\", \"bob\", \"alice\"]]": "network.links: alice is twice in one group",
		"[network]\nlinks = [\"alice\"]":                       "links",
		"[network]\nsmtp = \"yes\"":                            "smtp",

		"[defaults]\ncpus = 0.0":            "defaults",
		"[defaults]\ncpu_weight = 0":        "cpu_weight and io_weight must be from 1 to 10000",
		"[defaults]\nio_weight = 10001":     "cpu_weight and io_weight must be from 1 to 10000",
		"[defaults]\nio_bandwidth = \"1k\"": "io_bandwidth must be \"off\" or at least 1MiB a second",
		"[defaults]\nbandwidth = \"63KiB\"": "bandwidth must be \"off\" or at least 64KiB a second",
		"[defaults]\nio_bandwidth = \"on\"": "is not bytes a second such as 10MiB, nor off",
		"[defaults]\nopen_files = 1":        "open_files must be from 256 to 1048576",
		"[defaults]\nlog_size = \"2GiB\"":   "log_size must be from 64KiB to 1GiB",
		"instance = ":                       "line 1",
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", text, err, says)
		}
	}
}

// The file that is installed says what the defaults are; both must be the same.
func TestPackagedFileIsTheDefaults(t *testing.T) {
	got, err := Load(filepath.Join("..", "..", "packaging", "logis.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("(-default +packaged):\n%s", diff)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logis.toml")
	if _, err := Load(path); err == nil {
		t.Error("a missing file that was asked for is no error")
	}
	if err := os.WriteFile(path, []byte("x = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want the path in it", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("instance = \"a\"\n[pool]\nsize = \"2G\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err == nil && c.check() != nil {
			t.Errorf("took %q", data)
		}
	})
}
