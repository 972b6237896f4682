package require

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/nftables"
)

func TestKernel(t *testing.T) {
	for release, want := range map[string]Status{
		"6.1.0-18-amd64": OK, "6.18.44-fc-v657": OK, "7.0": OK, "6.2+": OK, "10.0.1": OK,
		"6.0.19": Missing, "5.19.0": Missing, "4.4.302-x": Missing,
		"": Warning, "6": Warning, "next": Warning, "-6.1": Warning,
	} {
		if c := kernelOf(release); c.Status != want {
			t.Errorf("%q is %s: %+v", release, c.Status, c)
		}
	}
}

func TestThisHostHasWhatIsNeeded(t *testing.T) {
	for _, c := range []Check{kernel(), calls(), namespaces(""), seccomp(""), fileSystem("overlay", ""), fileSystem("btrfs", ""), nft("")} {
		if c.Status == Missing {
			t.Errorf("%+v", c)
		}
	}
	if c := fileSystem("overla", ""); c.Status != Missing {
		t.Errorf("a file system that is none: %+v", c)
	}
}

func TestControllers(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"cpuset cpu io memory pids\n": "version 2: memory, cpu, pids",
		"cpuset cpu io pids\n":        "version 2, without memory",
		"":                            "version 2, without memory, cpu, pids",
	} {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.controllers"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := unified(dir)
		if c.Found != want || (c.Status == OK) != strings.HasSuffix(want, "memory, cpu, pids") && text != "" {
			t.Errorf("%q: %+v", text, c)
		}
	}
	if c := judge("x", "version 1", func(string) bool { return false }); c.Status != Missing || !strings.Contains(c.Mend, "cgroupfs-mount") {
		t.Errorf("nothing mounted: %+v", c)
	}
}

func TestError(t *testing.T) {
	if err := Error([]Check{ok("a", "b"), warning("a", "b", "c")}); err != nil {
		t.Error(err)
	}
	err := Error([]Check{missing("nft", "no such program", "apt-get install nftables"), ok("a", "b"), missing("c", "d", "e")})
	want := "this host lacks what logis needs: nft: no such program: apt-get install nftables; c: d: e"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestRoom(t *testing.T) {
	for _, tc := range []struct {
		free, total int64
		want        Status
	}{{10 << 30, 20 << 30, OK}, {1 << 29, 20 << 30, Warning}, {2 << 30, 200 << 30, Warning}, {1 << 19, 20 << 30, Missing}} {
		if c := Room("pool", "/pool", tc.free, tc.total, 1<<30); c.Status != tc.want {
			t.Errorf("%d of %d free: %+v", tc.free, tc.total, c)
		}
	}
}

func TestDrops(t *testing.T) {
	chain := func(change func(*nftables.Chain)) *nftables.Chain {
		policy := nftables.ChainPolicyDrop
		c := &nftables.Chain{
			Name: "FORWARD", Table: &nftables.Table{Name: "filter", Family: nftables.TableFamilyIPv4}, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookForward, Policy: &policy,
		}
		change(c)
		return c
	}
	accept := nftables.ChainPolicyAccept
	for name, change := range map[string]func(*nftables.Chain){
		"accepts":     func(c *nftables.Chain) { c.Policy = &accept },
		"no policy":   func(c *nftables.Chain) { c.Policy = nil },
		"no hook":     func(c *nftables.Chain) { c.Hooknum = nil },
		"input":       func(c *nftables.Chain) { c.Hooknum = nftables.ChainHookInput },
		"of a bridge": func(c *nftables.Chain) { c.Table.Family = nftables.TableFamilyBridge },
		"of NAT":      func(c *nftables.Chain) { c.Type = nftables.ChainTypeNAT },
	} {
		if _, strict := drops(chain(change)); strict {
			t.Errorf("a chain that %s is taken for strict", name)
		}
	}
	if family, strict := drops(chain(func(*nftables.Chain) {})); !strict || family != "ip" {
		t.Errorf("family %q, strict %v", family, strict)
	}
	if c := failed("x", errors.New("y")); c.Status != Warning {
		t.Errorf("%+v", c)
	}
}
