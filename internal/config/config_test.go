package config

import (
	"net/netip"
	"os"
	"path/filepath"
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
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.IgnoreFields(Config{}, "Source")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The file that is installed says what the defaults are; both must be the same.
func TestPackagedFileIsTheDefaults(t *testing.T) {
	got, err := Load(filepath.Join("..", "..", "packaging", "logis.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.IgnoreFields(Config{}, "Source")); diff != "" {
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
	if _, err := Load(path); err == nil || err.Error() != path+":1: x: unknown key: "+suggest("x") {
		t.Errorf("got %v, want file and line in it", err)
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
